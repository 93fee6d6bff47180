namespace Culvert.Kubernetes.Configuration;

/// <summary>Where a certificate or key in PEM is: in a file that may be replaced, or in the configuration itself. Says nothing of its content.</summary>
internal sealed class PemSource
{
    // A bundle of many authorities is far smaller.
    private const int Largest = 4 << 20;

    private readonly string? _text;

    private PemSource(string? path, string? text, string origin) => (Path, _text, Origin) = (path, text, origin);

    /// <summary>The file, or null.</summary>
    public string? Path { get; }

    /// <summary>Where it comes from, for messages.</summary>
    public string Origin { get; }

    public static PemSource OfFile(string path) => new(path, null, path);

    public static PemSource OfText(string text, string origin) => new(null, text, origin);

    /// <summary>The text as it is now.</summary>
    /// <exception cref="IOException">The file can't be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public string Read() => Path is null ? _text! : BoundedFile.ReadText(Path, Largest);

    /// <summary>What changes when the file is replaced or written; the same always for text.</summary>
    public (DateTime, long) Version()
    {
        if (Path is null) return default;
        // Secrets are mounted as links that are switched: the target is what counts.
        var file = new FileInfo(Path);
        FileSystemInfo target = file.ResolveLinkTarget(returnFinalTarget: true) ?? file;
        return (target.LastWriteTimeUtc, target is FileInfo { Exists: true } f ? f.Length : -1);
    }
}
