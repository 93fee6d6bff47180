using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>Decides which settings hold for the mesh. Pure.</summary>
/// <remarks>
/// Without a MeshConfig the defaults let everything through, so that one which is lost, misspelt or misnamed would open the mesh without a word. The last good one
/// therefore stays in force for as long as there is no other good one; where none was ever good, one that is meant to be there and is not good closes the mesh. The defaults hold where
/// nobody ever gave one, or by one whose spec is empty.
/// </remarks>
internal static class MeshConfigKeeper
{
    private const string HowToGetDefaults = "give a MeshConfig named 'default' (with 'spec: {}' for the defaults)";

    /// <summary>The object that gives the settings.</summary>
    public static readonly ObjectKey Key = new(ObjectKind.MeshConfig, "", MeshConfigObject.OnlyName);

    /// <summary>Decides, and reports what is wrong.</summary>
    /// <param name="good">The MeshConfig that is declared, or the last good version of one that is wrong; null when there is none.</param>
    /// <param name="declarations">What says that it is a MeshConfig.</param>
    /// <param name="unreadable">Files that could not be read, with their line 0, and documents that don't tell what they are.</param>
    /// <param name="previous">What is in force so far.</param>
    /// <param name="errors">Where it is said what is wrong.</param>
    /// <returns>The settings, and the object that is to be in force: also the last good one when it is gone.</returns>
    public static (MeshConfigInForce Mesh, MeshObject? Object) Keep(
        MeshObject? good, IEnumerable<ReadObject> declarations, IReadOnlyList<SourceError> unreadable, ObjectSet previous, List<SourceError> errors)
    {
        if (good is not null) return (Given((MeshConfigObject)good), good);
        if (previous.Objects.TryGetValue(Key, out MeshObject? last))
        {
            errors.Add(new(last.Meta.Origin.Place, last.Meta.Origin.Line, Key.ToString(), "", $"is gone; the one that was here stays in force until there is another good one: {HowToGetDefaults}"));
            return (Given((MeshConfigObject)last), last);
        }
        return (WithoutGood(declarations, unreadable, previous, errors), null);
    }

    private static MeshConfigInForce WithoutGood(IEnumerable<ReadObject> declarations, IReadOnlyList<SourceError> unreadable, ObjectSet previous, List<SourceError> errors)
    {
        (ReadObject Read, SourceError First)[] wrong = [.. declarations.Where(d => d.Errors.Count > 0).Select(d => (d, d.Errors[0]))];
        if (wrong.Length > 0)
        {
            string trustDomain = wrong.Select(w => (w.Read.Rejected as MeshConfigObject)?.Settings.TrustDomain).FirstOrDefault(d => d is not null)
                ?? (previous.Mesh.IsClosed ? previous.Mesh.Settings.TrustDomain : MeshSettingsDefaults.TrustDomain);
            return Close(MeshConfigState.Closed, trustDomain, wrong[0].First.Place, wrong[0].Read.Origin.Line, "was never good", errors);
        }
        if (previous.Mesh.State == MeshConfigState.Closed)
            return Close(MeshConfigState.Closed, previous.Mesh.Settings.TrustDomain, previous.Mesh.Place, previous.Mesh.Line, "is gone or can't be read, and was never good or its last good version is lost", errors);
        if (unreadable.Count > 0 && previous.Mesh.State is MeshConfigState.Unknown or MeshConfigState.Unclear)
            return Close(MeshConfigState.Unclear, MeshSettingsDefaults.TrustDomain, unreadable[0].Place, unreadable[0].Line, "may be what can't be read here", errors);
        return new(MeshConfigState.NeverGiven, new());
    }

    private static MeshConfigInForce Given(MeshConfigObject mesh) => new(MeshConfigState.Given, mesh.Settings, mesh.Meta.Origin.Place, mesh.Meta.Origin.Line) { WorkloadNamespaces = mesh.WorkloadNamespaces };

    private static MeshConfigInForce Close(MeshConfigState state, string trustDomain, string file, int line, string why, List<SourceError> errors)
    {
        errors.Add(new(file, line, Key.ToString(), "", $"{why}: the mesh is closed (defaultAction DENY, mTLS STRICT, icmpEcho DENY) until one is good{(state == MeshConfigState.Unclear ? " or this can be read" : "")}: {HowToGetDefaults}"));
        return new(state, MeshConfigInForce.Closing(trustDomain), file, line);
    }
}
