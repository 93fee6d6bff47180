using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Cluster;

[assembly: AssemblyFixture(typeof(SharedCluster))]

namespace Culvert.Kubernetes.Tests.Cluster;

/// <summary>An API server that all tests share which do it no harm; each has namespaces of its own.</summary>
public sealed class SharedCluster : IAsyncLifetime
{
    private ApiServer? _server;
    private KubernetesClient? _admin;

    internal ApiServer Server
    {
        get
        {
            Assert.SkipWhen(KubernetesBinaries.Missing is not null, KubernetesBinaries.Missing ?? "");
            return _server!;
        }
    }

    internal KubernetesClient Admin => Server is not null ? _admin! : null!;

    public async ValueTask InitializeAsync()
    {
        if (KubernetesBinaries.Missing is not null) return;
        _server = await ApiServer.StartAsync();
        _admin = _server.Client();
    }

    /// <summary>Makes a namespace that no other test has.</summary>
    internal async Task<string> NamespaceAsync() => await TestNamespaces.MakeAsync(Admin);

    public async ValueTask DisposeAsync()
    {
        _admin?.Dispose();
        if (_server is not null) await _server.DisposeAsync();
    }
}
