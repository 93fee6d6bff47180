namespace Culvert.Controller.Objects;

/// <summary>What makes an object the same object. Objects without namespace have the empty one.</summary>
internal readonly record struct ObjectKey(ObjectKind Kind, string Namespace, string Name)
{
    /// <summary>Parses what <see cref="ToString"/> makes; null where the text is nothing of the kind.</summary>
    public static ObjectKey? Parse(string text)
    {
        int blank = text.IndexOf(' ', StringComparison.Ordinal), slash = text.IndexOf('/', StringComparison.Ordinal);
        if (blank < 0 || !Enum.TryParse(text.AsSpan(0, blank), out ObjectKind kind)) return null;
        return slash < 0 ? new(kind, "", text[(blank + 1)..]) : new(kind, text[(blank + 1)..slash], text[(slash + 1)..]);
    }

    public override string ToString() => Namespace.Length == 0 ? $"{Kind} {Name}" : $"{Kind} {Namespace}/{Name}";
}
