using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;

namespace Culvert.Controller.Tests;

/// <summary>What a TrafficPolicy takes from its Service without saying so.</summary>
public sealed class TrafficPolicyWarningTests
{
    [Theory]
    [InlineData("loadBalancing: [{protocol: TCP, mode: ROUND_ROBIN}]", "culvert.dev/udp-load-balancing: SourceHash", "spec.loadBalancing")]
    [InlineData("proxyProtocol: {version: v2, ports: [80]}", "culvert.dev/proxy-protocol: 'v2:81'", "spec.proxyProtocol")]
    [InlineData("loadBalancing: [{protocol: UDP, mode: SOURCE_HASH}]", "culvert.dev/udp-load-balancing: SourceHash", null)] // says the same
    [InlineData("proxyProtocol: {version: v2, ports: [80]}", "culvert.dev/udp-load-balancing: SourceHash", null)] // of something else
    public void AnAnnotationThatNoLongerCountsIsWarnedOf(string says, string annotation, string? field)
    {
        SourceFile service = new("web.yaml", $"apiVersion: v1\nkind: Service\nmetadata: {{name: web, namespace: shop, annotations: {{{annotation}}}}}\nspec: {{clusterIP: 10.96.0.9, ports: [{{name: a, port: 80}}, {{name: b, port: 81}}, {{name: c, port: 53, protocol: UDP}}]}}\n");
        SourceFile policy = new("policy.yaml", $"apiVersion: culvert.dev/v1alpha1\nkind: TrafficPolicy\nmetadata: {{name: web, namespace: shop}}\nspec: {{targetRef: {{kind: Service, name: web}}, {says}}}\n");
        ObjectSet set = ObjectSetReader.Read([service, policy], ObjectSet.Empty);
        Assert.Empty(set.Errors);
        Assert.Equal(field is null ? [] : [field], set.Warnings.Select(w => w.Field));
        if (field is not null) Assert.Contains("counts in the place of all that annotations of Service web say", set.Warnings[0].Reason, StringComparison.Ordinal);
    }
}
