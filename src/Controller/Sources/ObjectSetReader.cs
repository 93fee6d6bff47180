using System.Collections.Immutable;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Controller.Documents;

namespace Culvert.Controller.Sources;

/// <summary>Turns the files of a source into the next set of objects. Pure.</summary>
/// <remarks>
/// An object that is not valid keeps its last good version. A document that does not even tell which object it is, and a file that can't
/// be read, keep all objects that came from the file and are not found elsewhere: nobody can tell whether they were meant to go.
/// A MeshConfig never goes (<see cref="MeshConfigKeeper"/>).
/// </remarks>
internal static class ObjectSetReader
{
    /// <summary>Reads <paramref name="files"/>; <paramref name="previous"/> is what is in force so far, <paramref name="nodes"/> are those that have joined, as far as known.</summary>
    public static ObjectSet Read(IEnumerable<SourceFile> files, ObjectSet previous, ImmutableHashSet<string>? nodes = null)
    {
        var errors = new List<SourceError>();
        var unclear = new HashSet<string>(StringComparer.Ordinal);
        var all = new List<ReadObject>();
        var unreadable = new List<SourceError>();
        var found = new List<(string File, ReadObject Read)>();
        foreach (SourceFile file in files.OrderBy(f => f.Name, StringComparer.Ordinal))
        {
            if (file.Text is null)
            {
                errors.Add(new(file.Name, 0, "", "", file.Error ?? "can't be read"));
                unreadable.Add(errors[^1]);
                unclear.Add(file.Name);
                continue;
            }
            foreach (SourceDocument document in DocumentReader.Read(file.Name, file.Text))
            {
                ReadObject read = ObjectReader.Read(file.Name, document);
                all.Add(read);
                errors.AddRange(read.Errors);
                if (read.Key is null)
                {
                    unclear.Add(file.Name);
                    if (read.Kind.Length == 0) unreadable.Add(read.Errors[0]);
                }
                else found.Add((file.Name, read));
            }
        }

        var objects = ImmutableDictionary.CreateBuilder<ObjectKey, MeshObject>();
        foreach (IGrouping<ObjectKey, (string File, ReadObject Read)> group in found.GroupBy(f => f.Read.Key!.Value))
        {
            MeshObject? last = previous.Objects.GetValueOrDefault(group.Key);
            if (Choose([.. group], last, errors) is { } chosen) objects[group.Key] = chosen;
        }
        foreach (MeshObject last in previous.Objects.Values.Where(o => unclear.Contains(o.Meta.File))) objects.TryAdd(last.Key, last);
        MeshConfigInForce mesh = MeshConfigKeeper.Keep(objects, all, unreadable, previous, errors);
        ObjectConflicts.Resolve(objects, previous, errors);
        ObjectSet next = new() { Objects = objects.ToImmutable(), Mesh = mesh, IsRead = true, Errors = InOrder(errors) };
        return Warn(next, nodes ?? []);
    }

    /// <summary>A set with the warnings that hold while these nodes have joined.</summary>
    public static ObjectSet Warn(ObjectSet objects, ImmutableHashSet<string> nodes) =>
        objects with { Warnings = InOrder(PolicyWarnings.Find(objects).Concat(NameWarnings.Find(objects, nodes))) };

    private static ImmutableArray<SourceError> InOrder(IEnumerable<SourceError> errors) => [.. errors.OrderBy(e => e.File, StringComparer.Ordinal).ThenBy(e => e.Line).Distinct()];

    /// <summary>Of several declarations of one object the one in the file that is in force counts, else the first.</summary>
    private static MeshObject? Choose((string File, ReadObject Read)[] declarations, MeshObject? last, List<SourceError> errors)
    {
        int winner = Math.Max(0, Array.FindIndex(declarations, d => d.File == last?.Meta.File));
        for (int i = 0; i < declarations.Length; i++)
        {
            if (i == winner) continue;
            string where = $"{declarations[winner].File}:{declarations[winner].Read.Line}";
            errors.Add(new(declarations[i].File, declarations[i].Read.Line, declarations[i].Read.Key!.Value.ToString(), "", $"is declared twice; the one at {where} counts"));
        }
        return declarations[winner].Read.Object ?? last;
    }
}
