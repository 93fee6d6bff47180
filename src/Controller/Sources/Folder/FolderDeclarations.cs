using Culvert.Controller.Documents;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;

namespace Culvert.Controller.Sources.Folder;

/// <summary>What the files of a folder declare, and what changes from one look to the next; a file that has not changed is not read again. Not thread-safe.</summary>
internal sealed class FolderDeclarations
{
    /// <summary>Most objects of one file; more are far beyond what a mesh is made for, and cost memory many times the file's size.</summary>
    public const int MostObjects = 50_000;

    private readonly Dictionary<string, (SourceFile File, Dictionary<DeclarationKey, Declaration> Declarations)> _known = new(StringComparer.Ordinal);

    /// <summary>Takes a look up.</summary>
    /// <param name="files">All files.</param>
    /// <returns>What has changed since the look before.</returns>
    public IReadOnlyList<ObjectChange> Update(IReadOnlyList<SourceFile> files)
    {
        var changes = new List<ObjectChange>();
        foreach (SourceFile file in files)
        {
            Dictionary<DeclarationKey, Declaration> before = [];
            if (_known.TryGetValue(file.Name, out var known))
            {
                if (known.File == file) continue;
                before = known.Declarations;
            }
            Dictionary<DeclarationKey, Declaration> now = Declaration.Number(Read(file)).ToDictionary(d => d.Key);
            _known[file.Name] = (file, now);
            Compare(before, now, changes);
        }
        HashSet<string> names = [.. files.Select(f => f.Name)];
        foreach (string gone in _known.Keys.Where(n => !names.Contains(n)).ToArray())
        {
            Compare(_known[gone].Declarations, [], changes);
            _known.Remove(gone);
        }
        return changes;
    }

    /// <summary>All that the files declared at the last look, as if nothing had been told before.</summary>
    public IEnumerable<ObjectChange> All() => _known.Values.SelectMany(k => k.Declarations.Values).Select(ObjectChange.Declared);

    private static IEnumerable<ReadObject> Read(SourceFile file)
    {
        if (file.Text is null) return [Unreadable(file, file.Error ?? "can't be read")];
        try
        {
            IReadOnlyList<SourceDocument> documents = DocumentReader.Read(file.Name, file.Text, MostObjects);
            return documents.Count > 0 ? documents.Select(d => ObjectReader.Read(file.Name, d)) : [Declaration.Hollow(new FileOrigin(file.Name, 0))];
        }
        catch (DocumentFormatException e)
        {
            return [Unreadable(file, e.Message)];
        }
    }

    private static ReadObject Unreadable(SourceFile file, string reason) => new(null, null, new FileOrigin(file.Name, 0), [new(file.Name, 0, "", "", reason)]);

    private static void Compare(Dictionary<DeclarationKey, Declaration> before, Dictionary<DeclarationKey, Declaration> now, List<ObjectChange> changes)
    {
        changes.AddRange(before.Keys.Where(k => !now.ContainsKey(k)).Select(ObjectChange.Removed));
        foreach (Declaration declaration in now.Values)
        {
            if (!before.TryGetValue(declaration.Key, out Declaration? old) || !old.IsSame(declaration)) changes.Add(ObjectChange.Declared(declaration));
        }
    }
}
