using Culvert.Controller.Sources.Kubernetes;
using Culvert.Core;
using Culvert.Kubernetes.Tests.Support;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>A controller whose objects are a cluster's, and an agent that follows it.</summary>
internal sealed class RunningOnCluster : IAsyncDisposable
{
    private readonly TempFolder _folder;
    private readonly List<(FakeAgent Agent, Task KeepingUp)> _followers = [];
    private FakeAgent? _agent;

    private RunningOnCluster(TempFolder folder, ControllerHost host) => (_folder, Host) = (folder, host);

    public ControllerHost Host { get; }

    public string StateFolder => _folder.File("state");

    /// <summary>Path of the socket for agents of the machine.</summary>
    public string Socket => _folder.File("c.sock");

    public static async Task<RunningOnCluster> StartAsync(KubernetesOptions options, ILoggerFactory? loggers = null, Func<ControllerOptions, ControllerOptions>? change = null, CancellationToken stop = default)
    {
        var folder = new TempFolder();
        ControllerOptions controller = Running.Options(folder) with { ObjectFolder = null, Kubernetes = options, LoggerFactory = loggers };
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(stop, TestContext.Current.CancellationToken);
        try
        {
            return new(folder, await ControllerHost.StartAsync(change?.Invoke(controller) ?? controller, either.Token));
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>Follows the stream of the node n1 until its snapshot is as wanted.</summary>
    public async Task<NodeSnapshot> SnapshotAsync(Func<NodeSnapshot, bool> isWanted)
    {
        _agent ??= await ConnectAsync("n1");
        if (_followers.Any(f => f.Agent == _agent)) await Soon.Holds("the snapshot is as wanted", () => isWanted(_agent.Snapshot));
        while (!isWanted(_agent.Snapshot)) await _agent.NextAsync();
        return _agent.Snapshot;
    }

    /// <summary>Has agents of these nodes take up what they are told, from now on.</summary>
    public async Task FollowAsync(params string[] nodes)
    {
        foreach (string node in nodes)
        {
            FakeAgent agent = await ConnectAsync(node);
            _followers.Add((agent, KeepUpAsync(agent)));
            if (node == "n1") _agent = agent;
        }
    }

    // What a node reports counts while its stream is there, so that a test must not be faster than that.
    private async Task<FakeAgent> ConnectAsync(string node)
    {
        FakeAgent agent = FakeAgent.OverSocket(Socket, node);
        await agent.OpenAsync();
        await Soon.Holds($"{node} is connected", () => Host.Nodes.Any(n => n.Node == node && n.Connected));
        return agent;
    }

    private static async Task KeepUpAsync(FakeAgent agent)
    {
        try
        {
            while (true) await agent.NextAsync();
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException or InvalidOperationException or ObjectDisposedException)
        {
            // The test ends, or its controller.
        }
    }

    /// <summary>Waits until the errors are as wanted.</summary>
    public Task ErrorsAsync(string what, Func<IReadOnlyList<string>, bool> isWanted) => Soon.Holds(what, () => isWanted([.. Host.Errors.Select(e => e.ToString())]), () => string.Join('\n', Host.Errors));

    public async ValueTask DisposeAsync()
    {
        _agent?.Dispose();
        foreach ((FakeAgent agent, Task keepingUp) in _followers)
        {
            agent.Dispose();
            await keepingUp;
        }
        await Host.DisposeAsync();
        _folder.Dispose();
    }
}
