using Culvert.Controller.CustomResources;
using Culvert.Generators;

namespace Culvert.SchemaGenerator;

internal static class Program
{
    private const string Usage = """
        Writes what is made of the schemas in src/Controller/CustomResources: the definitions in deploy/crds and docs/reference.md.

        Usage: dotnet run --project eng/SchemaGenerator [-- --check]

          --check   write nothing; fail with the differences when the committed files are out of date
        """;

    private static int Main(string[] arguments)
    {
        bool check = arguments is ["--check"];
        if (arguments.Length > 0 && !check)
        {
            Console.Error.WriteLine(Usage);
            return 2;
        }
        try
        {
            GeneratedFiles files = new(Repository.Find(), "dotnet run --project eng/SchemaGenerator", check);
            foreach (CustomResource resource in CustomResourceTable.All) files.Put($"deploy/crds/{resource.Plural}.yaml", Definition.Of(resource));
            files.Put("deploy/crds/kustomization.yaml", Definition.Kustomization(CustomResourceTable.All));
            files.Put("docs/reference.md", Reference.Of(CustomResourceTable.All));
            return files.OutOfDate ? 1 : 0;
        }
        catch (GeneratorException e)
        {
            Console.Error.WriteLine($"schema generator: {e.Message}");
            return 1;
        }
    }
}
