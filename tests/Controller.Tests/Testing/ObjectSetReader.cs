using System.Collections.Immutable;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests;

/// <summary>Files and what was in force before, in; what is in force then, out: a store that is told everything at once.</summary>
internal static class ObjectSetReader
{
    public static ObjectSet Read(IEnumerable<SourceFile> files, ObjectSet previous, ImmutableHashSet<string>? nodes = null)
    {
        ObjectStore store = new("test", new FolderStatus(), NullLogger.Instance, previous with { IsRead = false }) { KnownNodes = () => nodes ?? [] };
        store.Apply(new([.. new FolderDeclarations().Update([.. files])]) { IsSynced = true });
        return store.Current;
    }
}
