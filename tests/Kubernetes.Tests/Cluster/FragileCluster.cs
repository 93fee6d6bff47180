using Culvert.Kubernetes.Client;

namespace Culvert.Kubernetes.Tests.Cluster;

/// <summary>
/// An API server whose history is thrown away and which is restarted. It keeps no events of its own, so that what etcd has forgotten is forgotten. Its tests run one after the other.
/// </summary>
public sealed class FragileCluster : IAsyncLifetime
{
    private ApiServer? _server;

    internal ApiServer Server
    {
        get
        {
            Assert.SkipWhen(KubernetesBinaries.Missing is not null, KubernetesBinaries.Missing ?? "");
            return _server!;
        }
    }

    internal KubernetesClient Client() => Server.Client();

    public async ValueTask InitializeAsync()
    {
        if (KubernetesBinaries.Missing is null) _server = await ApiServer.StartAsync("--watch-cache=false");
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
    }
}

/// <summary>The tests that share it.</summary>
[CollectionDefinition(Name)]
public sealed class FragileCollection : ICollectionFixture<FragileCluster>
{
    internal const string Name = "Fragile cluster";
}
