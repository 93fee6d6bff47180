using Culvert.Controller.Objects;
using Culvert.Controller.Sources;
using Culvert.Controller.Statuses;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>Works out the status of declarations and tells the source's sink what has changed. Not thread-safe.</summary>
internal sealed class StatusTracker(IStatusSink sink)
{
    private readonly Dictionary<DeclarationKey, ObjectStatus> _known = [];

    /// <summary>Reports what has changed.</summary>
    /// <param name="declarations">All declarations.</param>
    /// <param name="touched">Declarations that were added, changed or removed.</param>
    /// <param name="objects">Objects that were decided about.</param>
    /// <param name="inForce">What is in force now.</param>
    /// <param name="wrong">Why a declaration that is good by itself is not in force; null: it is.</param>
    public void Report(DeclarationTable declarations, IEnumerable<DeclarationKey> touched, IEnumerable<ObjectKey> objects, ObjectSet inForce, Func<Declaration, SourceError?> wrong)
    {
        // What can't be made out depends on what else came from its place; there is never much of it.
        IEnumerable<Declaration> now = objects.SelectMany(declarations.Of).Concat(declarations.Faulty.Where(d => d.Key.Object is null));
        var changes = new List<StatusChange>();
        foreach (Declaration declaration in now)
        {
            ObjectStatus status = StatusOf(declaration, inForce, wrong);
            if (_known.TryGetValue(declaration.Key, out ObjectStatus? before) && before == status) continue;
            _known[declaration.Key] = status;
            changes.Add(new(declaration.Key, status));
        }
        changes.AddRange(touched.Where(k => !declarations.Contains(k) && _known.Remove(k)).Select(k => new StatusChange(k, null)));
        if (changes.Count > 0) sink.Report(changes);
    }

    private static ObjectStatus StatusOf(Declaration declaration, ObjectSet inForce, Func<Declaration, SourceError?> wrong)
    {
        EquatableArray<SourceError> errors = declaration.Content.Errors.Concat(wrong(declaration) is { } error ? [error] : []).ToEquatableArray();
        ObjectState state = errors.IsEmpty ? ObjectState.Accepted
            : errors.Any(inForce.HasLastGood) ? ObjectState.LastGoodKept
            : ObjectState.Rejected;
        return new(declaration.Key.Object, declaration.Origin, state, errors);
    }
}
