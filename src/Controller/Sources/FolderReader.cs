using System.Text;

namespace Culvert.Controller.Sources;

/// <summary>Reads the YAML files of a folder and its subfolders. Names that begin with a dot are left out, so a mounted ConfigMap's
/// hidden versions are seen once, through the links that lead to them.</summary>
internal static class FolderReader
{
    /// <summary>Longest file read, in bytes.</summary>
    public const int MaxFileSize = 16 * 1024 * 1024;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads all files; one that can't be read is in the result with the reason.</summary>
    /// <exception cref="DirectoryNotFoundException">The folder is not there.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder must not be read.</exception>
    public static IReadOnlyList<SourceFile> Read(string folder)
    {
        var files = new List<SourceFile>();
        Collect(new DirectoryInfo(folder), "", files);
        return files;
    }

    private static void Collect(DirectoryInfo folder, string prefix, List<SourceFile> files)
    {
        foreach (FileSystemInfo entry in folder.EnumerateFileSystemInfos().OrderBy(e => e.Name, StringComparer.Ordinal))
        {
            if (entry.Name.StartsWith('.')) continue;
            if (entry is DirectoryInfo sub)
            {
                if (sub.LinkTarget is null) Collect(sub, $"{prefix}{sub.Name}/", files);
            }
            else if (entry.Extension is ".yaml" or ".yml")
            {
                files.Add(ReadFile(entry.FullName, prefix + entry.Name));
            }
        }
    }

    private static SourceFile ReadFile(string path, string name)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            if (stream.Length > MaxFileSize) return new(name, null, $"is longer than {MaxFileSize} bytes");
            using var reader = new StreamReader(stream, StrictUtf8);
            return new(name, reader.ReadToEnd());
        }
        catch (DecoderFallbackException)
        {
            return new(name, null, "is not UTF-8 text");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new(name, null, $"can't be read: {e.Message}");
        }
    }
}
