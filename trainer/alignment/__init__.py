"""Alignment: what follows the shards of `rl`: a reward model on its pairs, reinforcement learning on its prompts.

reward_model   the model's body with heads that judge an answer; what transformers and TRL load
reward         `winnow-train reward`: Bradley–Terry on pairs, held-out accuracy and calibration
verifiers      rewards that need no model: mathematics, code in a sandbox, format
conduct        more of them: the question's language kept, rules of safety
trial          whether a program passes its tests, each in a sandbox of its own
wire           both ends of the pipe between them
sandbox        a program of a model's, run shut in
room           what it is shut in: the file system and the limits
grpo           `winnow-train grpo`: GRPO, CISPO and their kin by TRL, each reward logged apart
ppo            `winnow-train ppo`: proximal policy optimization, by torchrl's objective and advantages
"""
