using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Configuration;
using Culvert.Kubernetes.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Kubernetes.Tests.Support;

/// <summary>A server that answers as a test says, for what no real one does when asked.</summary>
internal sealed class FakeApi : IAsyncDisposable
{
    private readonly WebApplication _application;

    private FakeApi(WebApplication application) => _application = application;

    internal Uri Address => new(_application.Urls.Single());

    internal static async Task<FakeApi> StartAsync(RequestDelegate answer)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        WebApplication application = builder.Build();
        application.Run(answer);
        await application.StartAsync();
        return new(application);
    }

    internal KubernetesClient Client(KubernetesClientOptions? options = null, TimeProvider? time = null, KubernetesMetrics? metrics = null) => new(
        new ClusterConfiguration { Server = Address, Origin = "a test", Credentials = new() { Token = "t" } },
        options ?? new() { RequestTimeout = Soon.Limit },
        metrics ?? new KubernetesMetrics(),
        time ?? TimeProvider.System,
        NullLogger<KubernetesClient>.Instance);

    public async ValueTask DisposeAsync() => await _application.DisposeAsync();
}
