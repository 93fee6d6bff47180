using Culvert.Controller.Nodes;
using Culvert.Controller.Store;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Hosting;

/// <summary>What a controller does again and again with its state folder: what commands beside it have asked for by files, and what the disk had no room for. For one thread at a time: a wish that two find is done twice.</summary>
/// <param name="nodes">Which nodes are revoked.</param>
/// <param name="objects">Objects to save.</param>
/// <param name="roots">The file with the roots.</param>
/// <param name="nodeFolder">For the log.</param>
/// <param name="logger">Where it is said what can't be done.</param>
internal sealed class StateUpkeep(NodeStore nodes, ObjectStore objects, RootsFile roots, string nodeFolder, ILogger logger)
{
    private volatile bool _roomMissing;

    /// <summary>Does it once. What fails for the disk's sake is logged and tried again the next time.</summary>
    public Task RunAsync(CancellationToken cancellationToken)
    {
        nodes.NotifyChanged();
        objects.Upkeep();
        KeepRoom();
        roots.Retry();
        return Task.CompletedTask;
    }

    private void KeepRoom()
    {
        try
        {
            nodes.KeepRoom();
            _roomMissing = false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_roomMissing) HostingLog.NoRoomKept(logger, nodeFolder, e.Message);
            _roomMissing = true;
        }
    }
}
