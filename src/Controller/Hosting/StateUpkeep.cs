using Culvert.Controller.Identity.BuiltIn;
using Culvert.Controller.Nodes;
using Culvert.Controller.Store;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Hosting;

/// <summary>What a controller does again and again with its state folder: what commands beside it have asked for by files, and what the disk had no room for. For one thread at a time: a wish that two find is done twice.</summary>
/// <param name="nodes">Which nodes are revoked.</param>
/// <param name="objects">Objects to save.</param>
/// <param name="roots">The file with the roots.</param>
/// <param name="rotation">The wish for another root.</param>
/// <param name="removal">The wishes to have roots removed.</param>
/// <param name="builtIn">Whose roots; null: another authority's, which nobody can ask for that here.</param>
/// <param name="nodeFolder">For the log.</param>
/// <param name="logger">Where it is said what can't be done.</param>
internal sealed class StateUpkeep(NodeStore nodes, ObjectStore objects, RootsFile roots, RootRotation rotation, RootRemoval removal, BuiltInCertificateAuthority? builtIn, string nodeFolder, ILogger logger)
{
    private volatile bool _roomMissing;

    /// <summary>Does it once. What fails for the disk's sake is logged and tried again the next time.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        nodes.NotifyChanged();
        objects.Upkeep();
        KeepRoom();
        roots.Retry();
        if (builtIn is null) return;
        await rotation.DoIfAskedAsync(builtIn, logger, cancellationToken);
        await removal.DoIfAskedAsync(builtIn, logger, cancellationToken);
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
