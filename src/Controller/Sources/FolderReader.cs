using System.Formats.Tar;
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
            string target = File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
            // To open a pipe waits for who writes to it. Whatever is not a regular file has no length, so that there is nothing to open.
            if (new FileInfo(target).Length == 0) return IsRegular(target) ? new(name, "") : new(name, null, "is not a regular file");
            using FileStream stream = File.OpenRead(target);
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

    /// <summary>Whether an empty file is regular. The type is asked of the tar writer, which is where the runtime tells it without opening the file.</summary>
    private static bool IsRegular(string path)
    {
        using var archive = new MemoryStream();
        using (var writer = new TarWriter(archive, leaveOpen: true))
        {
            try
            {
                writer.WriteEntry(path, "entry");
            }
            catch (IOException) when (File.Exists(path))
            {
                // A socket: tar has no entry for it.
                return false;
            }
        }
        archive.Position = 0;
        using var reader = new TarReader(archive);
        return reader.GetNextEntry()?.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile;
    }
}
