namespace Culvert.NodeAgent.State;

/// <summary>Files that appear whole: written beside the old one, to the disk, and renamed. Thread-safe for different paths.</summary>
internal static class WholeFile
{
    /// <summary>Replaces a file's content.</summary>
    /// <param name="path">Where.</param>
    /// <param name="suffix">What the name of the file beside it ends with.</param>
    /// <param name="content">All of it.</param>
    /// <param name="mode">Who may do what with it, whatever the umask is; only its owner before it is whole.</param>
    /// <exception cref="IOException">It can't be written; what was there before is still there.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    internal static void Write(string path, string suffix, ReadOnlySpan<byte> content, UnixFileMode mode)
    {
        string next = path + suffix;
        File.Delete(next);
        try
        {
            using (FileStream file = new(next, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
            {
                file.Write(content);
                file.Flush(flushToDisk: true);
            }

            File.SetUnixFileMode(next, mode);
            File.Move(next, path, overwrite: true);
        }
        catch
        {
            // Half a file takes room that a full disk does not have.
            File.Delete(next);
            throw;
        }
    }
}
