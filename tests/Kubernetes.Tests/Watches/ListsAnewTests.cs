using System.Threading.Channels;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Kubernetes.Watches;
using Culvert.Tests.Shared;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Kubernetes.Tests.Watches;

/// <summary>Custom kinds are listed anew whatever has ended their watch: what that told last may lack fields that a new definition has.</summary>
public sealed class ListsAnewTests : IReflectorSink<ConfigMap>, IAsyncDisposable
{
    private readonly FakeClient<ConfigMap> _client = new(KnownResources.ConfigMaps);
    private readonly ManualTime _time = new();
    private readonly KubernetesMetrics _metrics = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _run;

    public ListsAnewTests() => _run = new Reflector<ConfigMap>(_client, this, new() { ListsAnew = true }, _metrics, _time, NullLogger.Instance).RunAsync(_stop.Token);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Soon.Ends(_run);
        _stop.Dispose();
        _metrics.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AfterAWatchThatEndsAndAfterOneThatFails(bool fails)
    {
        _client.NextList("5");
        Channel<WatchEvent<ConfigMap>> watch = _client.NextWatch();
        Assert.IsNotType<WatchOptions>(await _client.AskedAsync());
        Assert.Equal("5", Assert.IsType<WatchOptions>(await _client.AskedAsync()).ResourceVersion);
        watch.Writer.TryComplete(fails ? new ApiException(ApiFailure.Unreachable, "cut") : null);
        await _time.TimersAsync(1);
        _client.NextList("6");
        _client.NextWatch();
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.IsNotType<WatchOptions>(await _client.AskedAsync());
        Assert.Equal("6", Assert.IsType<WatchOptions>(await _client.AskedAsync()).ResourceVersion);
    }

    void IReflectorSink<ConfigMap>.Replace(ResourcePage<ConfigMap> all)
    {
    }

    void IReflectorSink<ConfigMap>.Apply(WatchEvent<ConfigMap> change)
    {
    }

    void IReflectorSink<ConfigMap>.Watching()
    {
    }

    void IReflectorSink<ConfigMap>.Failed(ApiException error)
    {
    }
}
