using Culvert.Hosting;

namespace Culvert.Controller.Hosting;

/// <summary>
/// Makes sure that one controller at a time uses a state folder: two would each write roots and revocations that the other does not know of.
/// Commands beside a controller do not take it. Nobody else can hold it: the folder is its owner's alone (mode 0700).
/// </summary>
internal static class StateLock
{
    /// <summary>The file in the state folder that is locked.</summary>
    public const string FileName = "controller.lock";

    /// <exception cref="IOException">Another controller holds it, or the file can't be made.</exception>
    public static LockFile Take(string stateFolder) => LockFile.TryTake(Path.Combine(stateFolder, FileName))
        ?? throw new IOException($"another controller uses --state-dir '{stateFolder}'; stop that one, or give this one a folder of its own");
}
