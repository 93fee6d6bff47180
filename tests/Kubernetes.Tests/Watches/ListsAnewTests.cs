using System.Threading.Channels;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Watches;
using k8s.Models;

namespace Culvert.Kubernetes.Tests.Watches;

/// <summary>Custom kinds are listed anew whatever has ended their watch: what that told last may lack fields that a new definition has.</summary>
public sealed class ListsAnewTests() : RunningReflector(new() { ListsAnew = true })
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AfterAWatchThatEndsAndAfterOneThatFails(bool fails)
    {
        Client.NextList("5");
        Channel<WatchEvent<V1ConfigMap>> watch = Client.NextWatch();
        Assert.IsNotType<WatchOptions>(await Client.AskedAsync());
        Assert.Equal("5", Assert.IsType<WatchOptions>(await Client.AskedAsync()).ResourceVersion);
        watch.Writer.TryComplete(fails ? new ApiException(ApiFailure.Unreachable, "cut") : null);
        await Time.TimersAsync(1);
        Client.NextList("6");
        Client.NextWatch();
        Time.Advance(TimeSpan.FromSeconds(2));
        Assert.IsNotType<WatchOptions>(await Client.AskedAsync());
        Assert.Equal("6", Assert.IsType<WatchOptions>(await Client.AskedAsync()).ResourceVersion);
    }
}
