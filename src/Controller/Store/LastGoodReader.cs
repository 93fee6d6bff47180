using System.Collections.Immutable;
using Culvert.Controller.Documents;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Store;

/// <summary>Makes of what was kept what was in force.</summary>
internal static class LastGoodReader
{
    /// <summary>A set that does not count as read.</summary>
    /// <param name="kept">What was kept.</param>
    /// <param name="path">Where, for messages.</param>
    /// <param name="logger">Where it is said what is not valid any more.</param>
    public static ObjectSet Read(IEnumerable<LastGoodObject> kept, string path, ILogger logger)
    {
        var objects = ImmutableDictionary.CreateBuilder<ObjectKey, MeshObject>();
        MeshConfigInForce mesh = new(MeshConfigState.NeverGiven, new());
        foreach (LastGoodObject one in kept)
        {
            ReadObject? read = DocumentReader.ReadOne(one.File, one.Line, one.Text) is { } document ? ObjectReader.Read(one.File, document) : null;
            if (MeshConfigInForce.IsClosedMesh(one))
            {
                mesh = Closed((read?.Object as MeshConfigObject)?.Settings, one.File, one.Line);
                continue;
            }
            if (read?.Object is MeshConfigObject given) mesh = new(MeshConfigState.Given, given.Settings, one.File, given.Meta.Origin.Line);
            if (read?.Object is { } valid)
            {
                objects[valid.Key] = valid;
                continue;
            }

            // What another version of the controller took for valid need not be so for this one.
            StoreLog.LastGoodRefused(logger, one.File, one.Line, path);
            if (read?.Kind == nameof(ObjectKind.MeshConfig)) mesh = Closed((read.Rejected as MeshConfigObject)?.Settings, one.File, one.Line);
        }
        return new() { Objects = objects.ToImmutable(), Mesh = mesh };
    }

    /// <summary>Settings for a mesh whose MeshConfig is lost.</summary>
    /// <param name="known">What is known of it; null: nothing.</param>
    /// <param name="place">Where it was.</param>
    /// <param name="line">Its line there, from 1; 0 when none can be told.</param>
    public static MeshConfigInForce Closed(MeshSettings? known, string place, int line) =>
        new(MeshConfigState.Closed, MeshConfigInForce.Closing(known?.TrustDomain ?? MeshSettingsDefaults.TrustDomain), place, line);
}
