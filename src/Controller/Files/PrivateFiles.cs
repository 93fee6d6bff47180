using System.Text;
using Culvert.Core;

namespace Culvert.Controller.Files;

/// <summary>Folders and files that only their owner may touch.</summary>
internal static class PrivateFiles
{
    private const string LinuxOnly = "Culvert runs on Linux.";
    private const UnixFileMode FolderMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Makes a folder of mode 0700, or checks that nobody else may enter one that is there.</summary>
    /// <exception cref="IOException">Others may enter it.</exception>
    public static void EnsureFolder(string folder)
    {
        if (OperatingSystem.IsWindows()) throw new PlatformNotSupportedException(LinuxOnly);
        if (Directory.Exists(folder)) CheckMode(folder, FolderMode, "0700");
        else Create(Path.GetFullPath(folder));
    }

    /// <summary>Writes a file of mode 0600 whole: a reader finds the old content or the new one.</summary>
    public static void Write(string path, string content) => Write(path, file => file.Write(Encoding.UTF8.GetBytes(content)));

    /// <inheritdoc cref="Write(string, string)"/>
    public static void Write(string path, Action<Stream> write)
    {
        if (OperatingSystem.IsWindows()) throw new PlatformNotSupportedException(LinuxOnly);
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        var options = new FileStreamOptions { Mode = System.IO.FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = FileMode };
        try
        {
            using (var stream = new FileStream(temporary, options))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Overwrites the beginning of a file that is there, and cuts the rest off: takes no room that the file does not have. A reader may find half of it.</summary>
    public static void Overwrite(string path, string content)
    {
        using var stream = new FileStream(path, System.IO.FileMode.Open, FileAccess.Write, FileShare.None, bufferSize: 0);
        stream.Write(Encoding.UTF8.GetBytes(content));
        stream.SetLength(stream.Position);
        stream.Flush(flushToDisk: true);
    }

    /// <summary>Writes a file with its digest, which <see cref="ReadSealed"/> checks. Its content need never be in memory as a whole.</summary>
    public static void WriteSealed(string path, Action<Stream> write) => Write(path, file => ContentSeal.Close(file, write));

    /// <summary>Writes a text with its digest, which <see cref="ReadSealed"/> checks.</summary>
    public static void WriteSealed(string path, string content) => WriteSealed(path, file => file.Write(Encoding.UTF8.GetBytes(content)));

    /// <summary>Reads a file that must be of mode 0600 or narrower, and checks its digest, if it has one.</summary>
    /// <exception cref="IOException">Others may read it, or it can't be read.</exception>
    /// <exception cref="DamagedFileException">It is not what was written.</exception>
    public static string ReadSealed(string path)
    {
        CheckMode(path, FileMode, "0600");
        try
        {
            return Encoding.UTF8.GetString(ContentSeal.Open(File.ReadAllBytes(path)).Span);
        }
        catch (InvalidDataException e)
        {
            throw new DamagedFileException($"'{path}': {e.Message}", e);
        }
    }

    /// <summary>Reads a file that must be of mode 0600 or narrower.</summary>
    /// <exception cref="IOException">Others may read it, or it can't be read.</exception>
    public static string Read(string path)
    {
        CheckMode(path, FileMode, "0600");
        return File.ReadAllText(path);
    }

    /// <summary>Folders on the way that are missing become private as well; the system call would give them the usual mode.</summary>
    private static void Create(string folder)
    {
        if (OperatingSystem.IsWindows()) throw new PlatformNotSupportedException(LinuxOnly);
        if (Path.GetDirectoryName(folder) is { } parent && !Directory.Exists(parent)) Create(parent);
        Directory.CreateDirectory(folder, FolderMode);
    }

    private static void CheckMode(string path, UnixFileMode allowed, string text)
    {
        if (OperatingSystem.IsWindows()) throw new PlatformNotSupportedException(LinuxOnly);
        if ((File.GetUnixFileMode(path) & ~allowed) != UnixFileMode.None) throw new IOException($"'{path}' is open to others; run: chmod {text} '{path}'");
    }
}
