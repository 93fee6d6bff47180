using System.Threading.Channels;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Kubernetes.Watches;
using Culvert.Tests.Shared;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Kubernetes.Tests.Watches;

/// <summary>A reflector with a client, a clock and a sink of the test.</summary>
public abstract class RunningReflector : IReflectorSink<V1ConfigMap>, IAsyncDisposable
{
    private readonly KubernetesMetrics _metrics = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<string> _told = Channel.CreateUnbounded<string>();
    private readonly Task _run;

    private protected RunningReflector(ReflectorOptions options) => _run = new Reflector<V1ConfigMap>(Client, this, options, _metrics, Time, NullLogger.Instance, new Middle()).RunAsync(_stop.Token);

    private protected FakeClient<V1ConfigMap> Client { get; } = new(KnownResources.ConfigMaps);

    private protected ManualTime Time { get; } = new();

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Soon.Ends(_run);
        _stop.Dispose();
        _metrics.Dispose();
        GC.SuppressFinalize(this);
    }

    void IReflectorSink<V1ConfigMap>.Replace(ResourcePage<V1ConfigMap> all) => _told.Writer.TryWrite($"all {all.Items.Count}");

    void IReflectorSink<V1ConfigMap>.Apply(WatchEvent<V1ConfigMap> change) => _told.Writer.TryWrite($"{change.Type} {change.Item?.Metadata.Name}");

    void IReflectorSink<V1ConfigMap>.Watching() => _told.Writer.TryWrite("watching");

    void IReflectorSink<V1ConfigMap>.Failed(ApiException error) => _told.Writer.TryWrite($"failed {error.Failure}");

    private protected async Task<string> NextAsync() => await Soon.Ends(_told.Reader.ReadAsync().AsTask());

    /// <summary>Always the middle: waits are three quarters of the whole.</summary>
    private sealed class Middle : Random
    {
        public override double NextDouble() => 0.5;
    }
}
