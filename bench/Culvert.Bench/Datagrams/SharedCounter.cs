using System.IO.MemoryMappedFiles;

namespace Culvert.Bench.Datagrams;

/// <summary>A number in a file that one process writes and others read while it runs, without a word between them that load could delay.</summary>
internal sealed class SharedCounter : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    private SharedCounter(MemoryMappedFile file)
    {
        _file = file;
        _view = file.CreateViewAccessor(0, sizeof(long));
    }

    /// <summary>The number; aligned, so that reading meets no half of it.</summary>
    public long Value
    {
        get => _view.ReadInt64(0);
        set => _view.Write(0, value);
    }

    /// <summary>Opens a counter; makes it, at 0, when there is none.</summary>
    public static SharedCounter Open(string path) =>
        new(MemoryMappedFile.CreateFromFile(path, FileMode.OpenOrCreate, mapName: null, sizeof(long)));

    /// <inheritdoc/>
    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }
}
