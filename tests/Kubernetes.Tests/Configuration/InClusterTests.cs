using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Configuration;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Cluster;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Tests.Shared;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Kubernetes.Tests.Configuration;

/// <summary>What a pod finds.</summary>
public sealed class InClusterTests(SharedCluster cluster) : IDisposable
{
    private readonly TempFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(null, "443", "this is no pod")]
    [InlineData("10.0.0.1", "0", "is no port")]
    [InlineData("10.0.0.1", "x", "is no port")]
    [InlineData("a/b", "443", "is no host")]
    [InlineData("10.0.0.1", "443", "token: is not there")]
    public void WhatIsMissingIsSaid(string? host, string port, string reason) =>
        Assert.Contains(reason, Assert.Throws<ConfigurationException>(() => Load(host, port)).Message, StringComparison.Ordinal);

    [Fact]
    public void AnAddressOfIPv6IsTaken()
    {
        _folder.Write("token", "t");
        _folder.Write("ca.crt", new TestAuthority("a").Pem);
        ClusterConfiguration read = Load("fd00::1", "443");
        Assert.Equal(("[fd00::1]", "default"), (read.Server.Host, read.Namespace));
    }

    [Fact]
    public async Task ATokenThatIsRenewedIsTakenUp()
    {
        // As the kubelet does it: a link is switched to another folder.
        string space = await cluster.NamespaceAsync();
        _folder.Write("ca.crt", cluster.Server.Authority.Pem);
        _folder.Write("namespace", space);
        _folder.Write("1/token", ApiServer.AdminToken);
        _folder.Write("2/token", ApiServer.NobodyToken);
        _folder.Write("3/token", "no-longer-valid");
        Directory.CreateSymbolicLink(_folder.File("data"), "1");
        File.CreateSymbolicLink(_folder.File("token"), "data/token");
        ClusterConfiguration configuration = Load("127.0.0.1", cluster.Server.Port.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(space, configuration.Namespace);
        var time = new ManualTime();
        using var client = new KubernetesClient(configuration, new() { RequestTimeout = TimeSpan.FromDays(1) }, new KubernetesMetrics(), time, NullLogger<KubernetesClient>.Instance);
        IResourceClient<V1ConfigMap> maps = client.Resource(KnownResources.ConfigMaps);
        await maps.ListAsync(new() { Namespace = space }, Stop);

        Switch("2");
        await maps.ListAsync(new() { Namespace = space }, Stop);
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(ApiFailure.Forbidden, (await Assert.ThrowsAsync<ApiException>(() => maps.ListAsync(new() { Namespace = space }, Stop))).Failure);

        Switch("3");
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(ApiFailure.Unauthorized, (await Assert.ThrowsAsync<ApiException>(() => maps.ListAsync(new() { Namespace = space }, Stop))).Failure);
        // Refused by the server: it is read again without waiting.
        Switch("1");
        await maps.ListAsync(new() { Namespace = space }, Stop);
        // Gone for a moment: the last one stays.
        File.Delete(_folder.File("data"));
        time.Advance(TimeSpan.FromSeconds(10));
        await maps.ListAsync(new() { Namespace = space }, Stop);
    }

    private void Switch(string to)
    {
        File.Delete(_folder.File("data"));
        Directory.CreateSymbolicLink(_folder.File("data"), to);
    }

    private ClusterConfiguration Load(string? host, string port) => InCluster.Load(
        n => n switch
        {
            "KUBERNETES_SERVICE_HOST" => host,
            "KUBERNETES_SERVICE_PORT" => port,
            _ => null,
        },
        _folder.Path);
}
