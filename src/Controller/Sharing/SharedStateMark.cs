using Culvert.Controller.Files;
using Culvert.Kubernetes.Resources;

namespace Culvert.Controller.Sharing;

/// <summary>A file in the state folder of a controller that shares its state, which tells commands beside it so: what they would write into the folder, no other controller would know.</summary>
internal static class SharedStateMark
{
    private const string FileName = "state-secret";

    /// <summary>Says where the state is kept, or that it is in the folder.</summary>
    /// <exception cref="IOException">It can't be written.</exception>
    public static void Set(string stateFolder, ResourceName? secret)
    {
        if (secret is { } name) PrivateFiles.Write(Path.Combine(stateFolder, FileName), name.ToString());
        else File.Delete(Path.Combine(stateFolder, FileName));
    }

    /// <summary>The Secret that the state is kept in; null: it is in the folder.</summary>
    /// <exception cref="IOException">It can't be read.</exception>
    public static string? Read(string stateFolder)
    {
        string path = Path.Combine(stateFolder, FileName);
        return File.Exists(path) ? PrivateFiles.Read(path) : null;
    }
}
