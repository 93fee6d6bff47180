using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http.Authorizers;

/// <summary>How a field is put into a head.</summary>
internal enum HeadEditKind
{
    /// <summary>In the place of all of its name.</summary>
    Overwrite,

    /// <summary>In their place, where there is one.</summary>
    OverwriteIfThere,

    /// <summary>Beside them.</summary>
    Append,

    /// <summary>Where there is none.</summary>
    AddIfAbsent,

    /// <summary>All of its name are removed.</summary>
    Remove,
}

/// <summary>What an authorizer has changed in the head of a request that it allows.</summary>
/// <param name="Kind">How.</param>
/// <param name="Name">The field's name, in lower case; one that may be changed.</param>
/// <param name="Value">Its value.</param>
internal readonly record struct HeadEdit(HeadEditKind Kind, byte[] Name, byte[] Value)
{
    /// <summary>Makes the change.</summary>
    internal void ApplyTo(HeaderList head)
    {
        bool isThere = head.TryGet(Name, out _);
        if (Kind == HeadEditKind.Remove || Kind == HeadEditKind.Overwrite || (Kind == HeadEditKind.OverwriteIfThere && isThere)) head.Remove(Name);
        bool isAdded = Kind switch
        {
            HeadEditKind.Remove => false,
            HeadEditKind.OverwriteIfThere => isThere,
            HeadEditKind.AddIfAbsent => !isThere,
            _ => true,
        };
        if (isAdded) head.Add(Name, Value, neverIndexed: true); // it may be a secret
    }
}
