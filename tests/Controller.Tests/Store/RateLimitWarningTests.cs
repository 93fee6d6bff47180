using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;

namespace Culvert.Controller.Tests;

/// <summary>A RateLimit at a port that nobody reads says so.</summary>
public sealed class RateLimitWarningTests
{
    [Theory]
    [InlineData("9090", 8080, "spec.rules: limits nothing at port 9090: no Service of namespace shop says that it speaks HTTP")]
    [InlineData("9090, 8080", 8080, "spec.rules: limits nothing at port 9090: no Service of namespace shop says that it speaks HTTP")]
    [InlineData("8080", 8080, null)]
    [InlineData("9090", "web", null)] // which that is, workloads say
    public void PortsThatNobodyReadsAreNamed(string ports, object target, string? warning)
    {
        SourceFile service = new("web.yaml", $"apiVersion: v1\nkind: Service\nmetadata: {{name: web, namespace: shop}}\nspec: {{clusterIP: 10.96.0.9, selector: {{app: web}}, ports: [{{name: http, port: 80, targetPort: {target}}}]}}\n");
        SourceFile limit = new("limit.yaml", $"apiVersion: culvert.dev/v1alpha1\nkind: RateLimit\nmetadata: {{name: web, namespace: shop}}\nspec: {{rules: [{{rate: 1/s, to: [{{ports: [{ports}]}}]}}]}}\n");
        ObjectSet set = ObjectSetReader.Read([service, limit], ObjectSet.Empty);
        Assert.Empty(set.Errors);
        string[] told = [.. set.Warnings.Where(w => w.Reason.StartsWith("limits nothing", StringComparison.Ordinal)).Select(w => $"{w.Field}: {w.Reason}")];
        if (warning is null) Assert.Empty(told);
        else Assert.StartsWith(warning, Assert.Single(told), StringComparison.Ordinal);
    }
}
