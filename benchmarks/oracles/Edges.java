// Which source file refers to which, as javac itself attributes every name. Standard input holds paths, one a line; a line
// "-sourcepath a:b" begins a task whose other sources are looked up there, in this order. Prints
// "dependent<TAB>dependency" for each pair. Types that aren't there (missing libraries) are passed over.

import com.sun.source.tree.*;
import com.sun.source.util.*;
import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import javax.lang.model.element.*;
import javax.lang.model.type.*;
import javax.tools.*;

public class Edges {
    public static void main(String[] arguments) throws IOException {
        Set<String> found = new TreeSet<>();
        List<String> paths = new ArrayList<>();
        String elsewhere = "";
        for (String line : new BufferedReader(new InputStreamReader(System.in)).lines().toList()) {
            if (line.startsWith("-sourcepath ")) {
                attribute(paths, elsewhere, found);
                paths = new ArrayList<>();
                elsewhere = line.substring("-sourcepath ".length());
            } else {
                paths.add(line);
            }
        }
        attribute(paths, elsewhere, found);
        found.forEach(System.out::println);
    }

    private static void attribute(List<String> paths, String elsewhere, Set<String> found) throws IOException {
        if (paths.isEmpty()) return;
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StandardJavaFileManager files = compiler.getStandardFileManager(null, null, StandardCharsets.UTF_8);
        List<String> options = List.of("-proc:none", "-nowarn", "-implicit:none", "-XDshould-stop.ifError=FLOW", "-Xmaxerrs",
            "1", "-sourcepath", elsewhere);
        JavacTask task = (JavacTask) compiler.getTask(
            new PrintWriter(Writer.nullWriter()), files, problem -> { }, options, null, files.getJavaFileObjectsFromStrings(paths));
        List<CompilationUnitTree> units = new ArrayList<>();
        task.parse().forEach(units::add);
        try {
            task.analyze();
        } catch (RuntimeException broken) {
            System.err.println("javac gave up: " + broken);
        }
        Trees trees = Trees.instance(task);
        for (CompilationUnitTree unit : units) {
            String from = unit.getSourceFile().getName();
            new TreePathScanner<Void, Void>() {
                @Override
                public Void scan(Tree tree, Void nothing) {
                    if (tree instanceof IdentifierTree || tree instanceof MemberSelectTree) {
                        refer(trees.getElement(new TreePath(getCurrentPath(), tree)));
                    }
                    return super.scan(tree, nothing);
                }

                private void refer(Element element) {
                    // a member named without its class is inherited or nested: no name of that class stands here
                    TreePath declared = element instanceof TypeElement ? trees.getPath(element) : null;
                    if (declared != null) {
                        String to = declared.getCompilationUnit().getSourceFile().getName();
                        if (!to.equals(from)) found.add(from + "\t" + to);
                    }
                }
            }.scan(unit, null);
        }
    }
}
