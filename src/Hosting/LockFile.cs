namespace Culvert.Hosting;

/// <summary>A file that one process at a time has locked (flock(2)), mode 0600. Released when it is disposed of, and when the process ends, however it ends.</summary>
internal sealed class LockFile : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const int Held = 11; // EAGAIN of flock(2), which the runtime takes for a file that is not shared
    private readonly FileStream _file;

    private LockFile(FileStream file) => _file = file;

    /// <summary>Makes the file where there is none, closes it to others, and locks it.</summary>
    /// <returns>Null: another process has locked it, or this one has.</returns>
    /// <exception cref="IOException">It can't be made or opened.</exception>
    /// <exception cref="UnauthorizedAccessException">It must not be.</exception>
    internal static LockFile? TryTake(string path)
    {
        FileStream file;
        try
        {
            file = new(path, new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None, UnixCreateMode = OwnerOnly });
        }
        catch (IOException e) when (e.HResult == Held)
        {
            return null;
        }
        try
        {
            File.SetUnixFileMode(file.SafeFileHandle, OwnerOnly);
            return new LockFile(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void Dispose() => _file.Dispose();
}
