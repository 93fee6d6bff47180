namespace Culvert.Labs.Mesh;

/// <summary>A folder of YAML objects that a controller watches. Files appear whole, by rename.</summary>
internal sealed class ObjectFolder
{
    public ObjectFolder(string path)
    {
        Path = path;
        Directory.CreateDirectory(path);
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>Writes or replaces one file.</summary>
    /// <param name="name">Its name without ending.</param>
    /// <param name="yaml">Its content.</param>
    public void Write(string name, string yaml)
    {
        var target = FileOf(name);
        var temporary = target + ".new";
        File.WriteAllText(temporary, yaml);
        File.Move(temporary, target, overwrite: true);
    }

    /// <summary>Removes one file.</summary>
    public void Remove(string name) => File.Delete(FileOf(name));

    /// <summary>Path of one file.</summary>
    public string FileOf(string name) => System.IO.Path.Combine(Path, name + ".yaml");
}
