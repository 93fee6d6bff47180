using System.Globalization;

namespace Culvert.Kubernetes.Configuration;

/// <summary>One step of a path: a key or an index below its parent. It becomes text only in an error: the text of each value's path would take the product of two lengths.</summary>
internal sealed class YamlPath
{
    private const int LongestKey = 64;

    private readonly YamlPath? _parent;
    private readonly string? _key;
    private readonly int _index;

    /// <summary>A key of a mapping.</summary>
    public YamlPath(YamlPath? parent, string key) => (_parent, _key) = (parent, key);

    /// <summary>An item of a list, from 0.</summary>
    public YamlPath(YamlPath? parent, int index) => (_parent, _index) = (parent, index);

    /// <summary>For example <c>users[0].user.exec</c>. Long keys are shortened.</summary>
    public override string ToString()
    {
        if (_key is null) return string.Create(CultureInfo.InvariantCulture, $"{_parent}[{_index}]");
        string key = _key.Length <= LongestKey ? _key : _key[..LongestKey] + "…";
        return _parent is null ? key : $"{_parent}.{key}";
    }
}
