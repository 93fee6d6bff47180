namespace Culvert.Kubernetes.Configuration;

/// <summary>A scalar, as it is written.</summary>
/// <param name="Place">Where it is.</param>
/// <param name="Text">Its text.</param>
/// <param name="IsPlain">Whether it is written without quotes, so that null, true and numbers are what they look like.</param>
internal sealed record YamlScalar(YamlPlace Place, string Text, bool IsPlain) : YamlValue(Place)
{
    public bool IsNull => IsPlain && Text is "" or "~" or "null" or "Null" or "NULL";
}
