using System.Text;
using Culvert.Generators;

namespace Culvert.BindingGenerator.Abi;

/// <summary>Writes Abi.g.cs: compiles a probe that holds every type of the shared header and turns its BTF into C#.</summary>
internal static class AbiGenerator
{
    private const string Header = "bpf/shared/culvert_abi.h";

    internal static void Run(GeneratedFiles files)
    {
        string path = Path.Combine(files.Root, Header);
        if (!File.Exists(path)) throw new GeneratorException($"{Header} does not exist");
        string text = File.ReadAllText(path);
        AbiHeader header = new(text);
        BtfFile btf = new(CompileProbe(path, header.Types, text));
        files.Put("src/Interop/Generated/Abi.g.cs", new AbiWriter(header, btf).Write());
    }

    /// <summary>A global variable of every type, so that the compiler keeps them all in BTF.</summary>
    private static byte[] CompileProbe(string header, IEnumerable<string> types, string text)
    {
        StringBuilder probe = new();
        probe.Append("#include \"").Append(header).Append("\"\nstruct {\n");
        foreach (string type in types)
        {
            bool isStruct = text.Contains($"struct {type} {{", StringComparison.Ordinal);
            probe.Append(isStruct ? "struct " : "enum ").Append(type).Append(" m_").Append(type).Append(";\n");
        }
        probe.Append("} cv_abi_probe;\n");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("culvert-abi-");
        try
        {
            string source = Path.Combine(folder.FullName, "probe.c");
            string output = Path.Combine(folder.FullName, "probe.o");
            File.WriteAllText(source, probe.ToString());
            Clang.Run(["-O2", "-g", "-target", "bpf", .. Clang.HostIncludes(), "-c", source, "-o", output]);
            return File.ReadAllBytes(output);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
