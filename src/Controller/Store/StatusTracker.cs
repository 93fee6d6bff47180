using System.Collections.Immutable;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Controller.Sources;
using Culvert.Controller.Statuses;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>Works out the status of declarations and tells the source's sink what has changed. Not thread-safe.</summary>
internal sealed class StatusTracker(IStatusSink sink)
{
    private readonly Dictionary<DeclarationKey, ObjectStatus> _known = [];

    /// <summary>The warnings that were reported, and those of each object by its text.</summary>
    private ImmutableArray<SourceError> _warnings = [];
    private Dictionary<string, EquatableArray<SourceError>> _warningsOf = new(StringComparer.Ordinal);

    /// <summary>Reports what has changed.</summary>
    /// <param name="declarations">All declarations.</param>
    /// <param name="touched">Declarations that were added, changed or removed; null: any may have been, as nobody knows what was missed.</param>
    /// <param name="objects">Objects that were decided about.</param>
    /// <param name="inForce">What is in force now, with the warnings about it.</param>
    /// <param name="wrong">Why a declaration that is good by itself is not in force; null: it is.</param>
    public void Report(DeclarationTable declarations, IReadOnlyCollection<DeclarationKey>? touched, IEnumerable<ObjectKey> objects, ObjectSet inForce, Func<Declaration, SourceError?> wrong)
    {
        Dictionary<string, EquatableArray<SourceError>> warnings = _warningsOf;
        if (!inForce.Warnings.SequenceEqual(_warnings))
        {
            warnings = inForce.Warnings.Where(w => w.Object.Length > 0).GroupBy(w => w.Object, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.ToEquatableArray(), StringComparer.Ordinal);
            objects = objects.Concat(_warningsOf.Keys.Union(warnings.Keys, StringComparer.Ordinal).Where(o => _warningsOf.GetValueOrDefault(o) != warnings.GetValueOrDefault(o)).Select(ObjectKey.Parse).OfType<ObjectKey>());
        }

        // What can't be made out depends on what else came from its place; there is never much of it.
        IEnumerable<Declaration> now = objects.Distinct().SelectMany(declarations.Of).Concat(declarations.Faulty.Where(d => d.Key.Object is null));
        var changes = new List<StatusChange>();
        foreach (Declaration declaration in now)
        {
            ObjectStatus status = StatusOf(declaration, inForce, wrong, warnings);
            if (_known.TryGetValue(declaration.Key, out ObjectStatus? before) && before == status) continue;
            changes.Add(new(declaration.Key, status));
        }
        changes.AddRange((touched ?? _known.Keys).Where(k => !declarations.Contains(k) && _known.ContainsKey(k)).Select(k => new StatusChange(k, null)));
        if (changes.Count > 0) sink.Report(changes);

        // Not before: what the sink fails to take it is told again.
        (_warnings, _warningsOf) = (inForce.Warnings, warnings);
        foreach (StatusChange change in changes)
        {
            if (change.Status is { } status) _known[change.Key] = status;
            else _known.Remove(change.Key);
        }
    }

    private static ObjectStatus StatusOf(Declaration declaration, ObjectSet inForce, Func<Declaration, SourceError?> wrong, Dictionary<string, EquatableArray<SourceError>> warnings)
    {
        EquatableArray<SourceError> errors = declaration.Content.Errors.Concat(wrong(declaration) is { } error ? [error] : []).ToEquatableArray();
        ObjectState state = errors.IsEmpty ? ObjectState.Accepted
            : errors.Max(inForce.Instead) switch
            {
                InForceInstead.LastGood => ObjectState.LastGoodKept,
                InForceInstead.Part => ObjectState.InPart,
                _ => ObjectState.Rejected,
            };

        // They are about what is in force, which is this very version only where it has no errors.
        return new(declaration.Key.Object, declaration.Origin, state, errors)
        {
            Warnings = errors.IsEmpty && declaration.Key.Object is { } key ? warnings.GetValueOrDefault(key.ToString()) : [],
        };
    }
}
