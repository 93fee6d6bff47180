namespace Culvert.Controller.Tests;

/// <summary>A controller whose objects come from elsewhere than a folder.</summary>
public sealed class OwnSourceTests
{
    [Fact]
    public async Task AControllerTakesItsObjectsFromTheSourceThatIsGiven()
    {
        using TempFolder folder = new();
        ApiStatuses statuses = new();
        ApiObjects api = new(statuses, "Workload");
        await using ControllerHost host = await ControllerHost.StartAsync(Running.Options(folder) with { ObjectFolder = null, Source = api }, TestContext.Current.CancellationToken);
        Assert.False(api.IsDisposed);
        _ = api.Put("Workload", "web", "{\"node\": \"node-1\", \"addresses\": [\"10.0.0.1\"]}");
        _ = api.Put("Workload", "bad", "{\"node\": \"node-1\", \"addresses\": [\"nonsense\"]}");
        api.List("Workload");
        Assert.Equal("shop/web", Assert.Single(host.SnapshotFor("node-1").LocalWorkloads()).Name.ToString());
        Assert.Equal("apis/Workload/bad", Assert.Single(host.Errors).Place);
        Assert.Equal("1 Accepted", statuses.Written["apis/Workload/web"]);
        await host.DisposeAsync();
        Assert.True(api.IsDisposed);
    }

    [Fact]
    public async Task AControllerWithoutAnySourceDoesNotStart()
    {
        using TempFolder folder = new();
        ArgumentException e = await Assert.ThrowsAsync<ArgumentException>(() => ControllerHost.StartAsync(Running.Options(folder) with { ObjectFolder = null }, TestContext.Current.CancellationToken));
        Assert.Contains("source of objects", e.Message, StringComparison.Ordinal);
    }
}
