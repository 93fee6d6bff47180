using Culvert.BindingGenerator.Abi;
using Culvert.BindingGenerator.Libbpf;
using Culvert.Generators;

namespace Culvert.BindingGenerator;

internal static class Program
{
    private const string Usage = """
        Writes the generated sources under src/Interop/Generated.

        Usage: dotnet run --project eng/BindingGenerator -- VERB... [--check]

          libbpf    bindings of libbpf, from the installed headers
          abi       the kernel ABI, from bpf/shared/culvert_abi.h by way of BTF
          --check   write nothing; fail with the differences when the committed files are out of date
        """;

    private static int Main(string[] arguments)
    {
        bool check = arguments.Contains("--check", StringComparer.Ordinal);
        string[] verbs = [.. arguments.Where(a => a != "--check")];
        if (verbs.Length == 0 || verbs.Except(["libbpf", "abi"], StringComparer.Ordinal).Any())
        {
            Console.Error.WriteLine(Usage);
            return 2;
        }
        try
        {
            GeneratedFiles files = new(Repository.Find(), "dotnet run --project eng/BindingGenerator -- libbpf abi", check);
            foreach (string verb in verbs)
            {
                if (verb == "abi") AbiGenerator.Run(files);
                else LibbpfGenerator.Run(files);
            }
            return files.OutOfDate ? 1 : 0;
        }
        catch (GeneratorException e)
        {
            Console.Error.WriteLine($"binding generator: {e.Message}");
            return 1;
        }
    }
}
