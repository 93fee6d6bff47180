using Culvert.Tests.Shared;

namespace Culvert.Interop.Tests.Support;

/// <summary>Asks the C compiler for numbers: sizes, offsets and constants.</summary>
internal static class CProbe
{
    /// <summary>Evaluates integer expressions of C.</summary>
    /// <param name="headers">What to include, in order; quoted or in angle brackets.</param>
    /// <param name="expressions">Constant expressions.</param>
    internal static IReadOnlyDictionary<string, long> Evaluate(IEnumerable<string> headers, IReadOnlyCollection<string> expressions)
    {
        Requires.Tool("gcc");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("cv-probe-");
        try
        {
            string source = Path.Combine(folder.FullName, "probe.c");
            string program = Path.Combine(folder.FullName, "probe");
            string lines = string.Concat(expressions.Select(e => $"\tprintf(\"%lld\\n\", (long long)({e}));\n"));
            File.WriteAllText(source, $"#define _GNU_SOURCE\n#include <stddef.h>\n#include <stdio.h>\n{string.Concat(headers.Select(h => $"#include {h}\n"))}int main(void)\n{{\n{lines}\treturn 0;\n}}\n");
            Command.Run("gcc", "-std=gnu11", $"-I{Repository.PathOf("bpf")}", $"-I{Repository.PathOf("bpf/shared")}", source, "-o", program);
            string[] numbers = Command.Run(program).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            return expressions.Zip(numbers).ToDictionary(p => p.First, p => long.Parse(p.Second), StringComparer.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
