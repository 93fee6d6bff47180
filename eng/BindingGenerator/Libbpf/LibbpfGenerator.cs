namespace Culvert.BindingGenerator.Libbpf;
internal static class LibbpfGenerator { internal static void Run(GeneratedFiles files) => throw new GeneratorException(files.Root); }
