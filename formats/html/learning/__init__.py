"""How the block classifier is made: pages whose content is known (`sites`, `newspapers`, `annotations`), and `train`."""
