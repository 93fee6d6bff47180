using Culvert.Controller.Schema;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests.Store;

/// <summary>Names of ports that a Service means and nobody has: warned of while it selects somebody, and found anew for what a change reaches only.</summary>
public sealed class TargetPortWarningTests
{
    private const string First = "spec.ports[0].targetPort", Second = "spec.ports[1].targetPort";

    private readonly ObjectStore _store = new("test", new FolderStatus(), NullLogger.Instance, ObjectSet.Empty);
    private readonly FolderDeclarations _folder = new();
    private readonly SortedDictionary<string, SourceFile> _files = new(StringComparer.Ordinal);

    [Fact]
    public void A_warning_comes_with_those_who_lack_the_name_and_goes_with_one_who_has_it()
    {
        Assert.Equal([], Change("service.yaml", Service("web", "web", "http", "admin")));
        Assert.Equal([First, Second], Change("a.yaml", Workload("a", "web")));
        Assert.Equal([Second], Change("b.yaml", Workload("b", "web", "http")));
        Assert.Equal([Second], Change("c.yaml", Workload("c", "web", "http")));
        Assert.Equal([Second], Remove("b.yaml"));
        Assert.Equal([First, Second], Change("c.yaml", Workload("c", "other", "http", "admin")));
        Assert.Equal([], Change("c.yaml", Workload("c", "web", "http", "admin")));
        Assert.Equal([Second], Change("c.yaml", Workload("c", "web", "http", "management")));
        Assert.Equal([], Change("service.yaml", Service("web", "nobody", "http")));
    }

    [Fact]
    public void A_Service_and_its_workloads_may_change_together()
    {
        Assert.Equal([], Change("all.yaml", Service("web", "web", "http"), Workload("a", "web", "http")));
        Assert.Equal([First], Change("all.yaml", Service("web", "web", "grpc"), Workload("a", "web", "http")));
        Assert.Equal([], Change("all.yaml", Service("web", "web", "grpc", "http"), Workload("a", "web", "grpc", "http")));
        Assert.Equal([Second], Change("all.yaml", Service("web", "web", "http", "grpc"), Workload("a", "web", "http")));
        Assert.Equal([], Change("all.yaml", Workload("a", "web", "http")));
        Assert.Equal([First], Change("all.yaml", Service("web", "web", "grpc"), Workload("a", "web", "http")));
        Assert.Equal([], Remove("all.yaml"));
    }

    [Fact]
    public void Warnings_that_a_change_does_not_reach_are_not_made_anew()
    {
        for (int i = 0; i < 10; i++) _files[$"s{i}.yaml"] = new($"s{i}.yaml", Service($"s{i}", $"a{i}", "http") + "---\n" + Workload($"a{i}", $"a{i}"));
        Apply();
        SourceError[] before = [.. _store.Current.Warnings];
        Assert.Equal(10, before.Length);
        Change("more.yaml", Workload("more", "a7", "http"));
        SourceError[] after = [.. _store.Current.Warnings];
        Assert.Equal(9, after.Length);
        Assert.All(after, w => Assert.Contains(before, b => ReferenceEquals(b, w)));
    }

    /// <summary>The fields of the warnings after a change.</summary>
    private string[] Change(string file, params string[] documents)
    {
        _files[file] = new(file, string.Join("---\n", documents));
        return Apply();
    }

    private string[] Remove(string file)
    {
        _files.Remove(file);
        return Apply();
    }

    private string[] Apply()
    {
        _store.Apply(new([.. _folder.Update([.. _files.Values])]) { IsSynced = true });
        Assert.Empty(_store.Current.Errors);
        return [.. _store.Current.Warnings.Select(w => w.Field)];
    }

    private static string Service(string name, string app, params string[] targets) =>
        $"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{clusterIP: None, selector: {{app: {app}}}, ports: [{string.Join(", ", targets.Select((t, i) => $"{{name: p{i}, port: {80 + i}, targetPort: {t}}}"))}]}}\n";

    private static string Workload(string name, string app, params string[] ports) =>
        $"apiVersion: culvert.dev/v1alpha1\nkind: Workload\nmetadata: {{name: {name}, namespace: shop, labels: {{app: {app}}}}}\nspec: {{node: n1, addresses: [10.0.{name.Length}.{(int)name[^1]}]{(ports.Length == 0 ? "" : $", ports: [{string.Join(", ", ports.Select((p, i) => $"{{name: {p}, port: {8080 + i}}}"))}]")}}}\n";
}
