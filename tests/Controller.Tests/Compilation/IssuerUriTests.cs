using Culvert.Controller.Compilation;
using Culvert.Controller.Schema;
using Culvert.Controller.Snapshots;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;
using Culvert.Core;

namespace Culvert.Controller.Tests;

/// <summary>A namespace that names too many URLs of keys is in nobody else's way.</summary>
[Trait("Category", "Attack")]
public sealed class IssuerUriTests
{
    [Fact]
    public void ANamespaceWithTooManyUrlsHasNoneReadAndOthersHaveTheirs()
    {
        string many = string.Concat(Enumerable.Range(0, 64).Select(i => Authentication("greedy", $"r{i}", [.. Enumerable.Range(16 * i, 16).Select(n => $"http://a.example/{n}")])));
        string own = Authentication("shop", "jwt", ["https://issuer.example.org/keys"]) + Authentication("culvert-system", "all", [.. Enumerable.Range(0, 16).Select(n => $"https://b.example/{n}")]);
        ObjectSet set = ObjectSetReader.Read([new SourceFile("all.yaml", many + own)], ObjectSet.Empty);
        Assert.Empty(set.Errors);
        ResourceCatalog catalog = new MeshCompiler().Update(set, null, []);
        Assert.Equal(17, catalog.RequestAuthentications.Values.SelectMany(a => a.Rules).Count(r => r.KeysUri is not null));
        Assert.NotNull(catalog.RequestAuthentications[new NamespacedName("shop", "jwt")].Rules[0].KeysUri);
        SourceError[] told = [.. set.Warnings.Where(w => w.Reason.StartsWith("its jwksUris are not read", StringComparison.Ordinal))];
        Assert.NotEmpty(told);
        Assert.All(told, w => Assert.StartsWith("RequestAuthentication greedy/", w.Object, StringComparison.Ordinal));
    }

    [Fact]
    public void AUrlThatManyObjectsOfANamespaceNameIsOne()
    {
        SourceFile[] Files(int objects) => [new("all.yaml", string.Concat(Enumerable.Range(0, objects).Select(i => Authentication("shop", $"r{i}", ["https://issuer.example.org/keys"]))) + Authentication("shop", "other", [.. Enumerable.Range(0, 16).Select(n => $"https://c.example/{n}")]))];
        foreach (int objects in new[] { 100, 3, 0 })
        {
            ObjectSet set = ObjectSetReader.Read(Files(objects), ObjectSet.Empty);
            ResourceCatalog catalog = new MeshCompiler().Update(set, null, []);
            Assert.Equal(objects + 16, catalog.RequestAuthentications.Values.SelectMany(a => a.Rules).Count(r => r.KeysUri is not null));
            Assert.Empty(set.Warnings.Where(w => w.Reason.StartsWith("its jwksUris are not read", StringComparison.Ordinal)));
        }
    }

    private static string Authentication(string ns, string name, string[] uris) =>
        $"apiVersion: culvert.dev/v1alpha1\nkind: RequestAuthentication\nmetadata: {{name: {name}, namespace: {ns}}}\nspec: {{jwtRules: [{string.Join(", ", uris.Select(u => $"{{issuer: a, jwksUri: '{u}'}}"))}]}}\n---\n";
}
