namespace Culvert.Controller.Hosting;

/// <summary>
/// Makes sure that one controller at a time uses a state folder: two would each write roots and revocations that the other does not know of. Released when the process ends, however it ends.
/// Commands beside a controller do not take it. Nobody else can hold it: the folder is its owner's alone (mode 0700).
/// </summary>
internal sealed class StateLock : IDisposable
{
    /// <summary>The file in the state folder that is locked.</summary>
    public const string FileName = "controller.lock";

    private const int Held = 11; // EAGAIN of flock(2), which the runtime takes for a file that is not shared
    private readonly FileStream _file;

    private StateLock(FileStream file) => _file = file;

    /// <exception cref="IOException">Another controller holds it, or the file can't be made.</exception>
    public static StateLock Take(string stateFolder)
    {
        string path = Path.Combine(stateFolder, FileName);
        try
        {
            return new(new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }));
        }
        catch (IOException e) when (e.HResult == Held)
        {
            throw new IOException($"another controller uses --state-dir '{stateFolder}'; stop that one, or give this one a folder of its own", e);
        }
    }

    public void Dispose() => _file.Dispose();
}
