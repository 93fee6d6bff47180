using System.Net;
using Culvert.Controller.Nodes;

namespace Culvert.Controller.Tests;

/// <summary>A real controller over a temporary folder.</summary>
internal sealed class Running : IAsyncDisposable
{
    private readonly TempFolder _folder;

    private Running(TempFolder folder, ControllerHost host) => (_folder, Host) = (folder, host);

    public ControllerHost Host { get; }

    public string Socket => _folder.File("c.sock");

    public TempFolder Folder => _folder;

    public static async Task<Running> StartAsync(Action<TempFolder>? prepare = null, Func<ControllerOptions, ControllerOptions>? change = null)
    {
        var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("objects"));
        prepare?.Invoke(folder);
        ControllerOptions options = Options(folder);
        return new(folder, await ControllerHost.StartAsync(change is null ? options : change(options), TestContext.Current.CancellationToken));
    }

    public static ControllerOptions Options(TempFolder folder) => new()
    {
        ObjectFolder = folder.File("objects"),
        StateFolder = folder.File("state"),
        UnixSocket = folder.File("c.sock"),
        Listen = new IPEndPoint(IPAddress.Loopback, 0),
    };

    public void Write(string name, string text) => _folder.Write($"objects/{name}", text);

    /// <summary>Waits until a node's status is as wanted.</summary>
    public async Task<NodeStatus> StatusAsync(string node, Func<NodeStatus, bool> wanted)
    {
        var found = new TaskCompletionSource<NodeStatus>(TaskCreationOptions.RunContinuationsAsynchronously);
        void Check(NodeStatus status)
        {
            if (status.Node == node && wanted(status)) found.TrySetResult(status);
        }
        Host.NodeChanged += Check;
        foreach (NodeStatus status in Host.Nodes) Check(status);
        return await found.Task.WaitAsync(TimeSpan.FromSeconds(20));
    }

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        _folder.Dispose();
    }
}
