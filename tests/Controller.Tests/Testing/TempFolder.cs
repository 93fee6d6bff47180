using System.Diagnostics;

namespace Culvert.Controller.Tests;

/// <summary>A folder that is gone after the test.</summary>
internal sealed class TempFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("culvert-test-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Write(string name, string text)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(File(name))!);
        System.IO.File.WriteAllText(File(name), text);
    }

    /// <summary>Writes as editors do: beside, then renamed over.</summary>
    public void Replace(string name, string text)
    {
        string temporary = File($".{name}.swp");
        System.IO.File.WriteAllText(temporary, text);
        System.IO.File.Move(temporary, File(name), overwrite: true);
    }

    /// <summary>Makes a named pipe.</summary>
    public async Task MakePipeAsync(string name)
    {
        using Process make = Process.Start("mkfifo", [File(name)]);
        await make.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, make.ExitCode);
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
