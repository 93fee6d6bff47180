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

    [Theory]
    [InlineData("a", null)]
    [InlineData("a, b", "spec.burst: would have requests wait for longer than 60 s at 30/m, the part of each of 2 sources: of a burst of 51, all but 32 are answered 429 at once")]
    public void WhereThePartOfASourceIsTooSlowForTheBurstThatIsSaid(string sources, string? warning)
    {
        string listed = string.Join(", ", sources.Split(", ").Select(s => $"{{kind: Deployment, name: {s}}}"));
        SourceFile limit = new("limit.yaml", $"apiVersion: specs.smi.nginx.com/v1alpha2\nkind: RateLimit\nmetadata: {{name: web, namespace: shop}}\nspec: {{destination: {{kind: Service, name: web}}, sources: [{listed}], name: slow, rate: 1r/s, burst: 50, delay: 1}}\n");
        ObjectSet set = ObjectSetReader.Read([limit], ObjectSet.Empty);
        Assert.Empty(set.Errors);
        string[] told = [.. set.Warnings.Where(w => w.Field == "spec.burst").Select(w => $"{w.Field}: {w.Reason}")];
        Assert.Equal(warning is null ? [] : [warning], told);
    }
}
