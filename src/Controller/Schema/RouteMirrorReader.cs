using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads the filter by which copies of requests go elsewhere.</summary>
internal static class RouteMirrorReader
{
    /// <summary>Reads one; null where it leads to nothing that can have requests.</summary>
    public static HttpRouteMirror? Read(FieldReader mirror, ObjectMeta meta)
    {
        (NamespacedName Service, ushort Port)? target = null;
        if (mirror.Map("backendRef", required: true) is { } reference)
        {
            target = RequestBackendReader.ReadService(reference, meta, "nothing is mirrored there");
            reference.Done();
        }
        (int numerator, int denominator) = ReadShare(mirror);
        mirror.Done();
        return target is { } service ? new(service.Service, service.Port, numerator, denominator) : null;
    }

    private static (int Numerator, int Denominator) ReadShare(FieldReader mirror)
    {
        int percent = (int)(mirror.Integer("percent", 0, HttpRouteMirror.Percent) ?? HttpRouteMirror.Percent);
        if (mirror.Map("fraction") is not { } fraction) return (percent, HttpRouteMirror.Percent);
        if (mirror.Has("percent")) mirror.Fail("fraction", "can't be beside percent, which says the same");
        int denominator = (int)(fraction.Integer("denominator", 1, int.MaxValue) ?? HttpRouteMirror.Percent), numerator = (int)(fraction.Integer("numerator", 0, int.MaxValue, required: true) ?? 0);
        if (numerator > denominator) fraction.Fail("numerator", $"{numerator} is more than the denominator, {denominator}");
        fraction.Done();
        return (numerator, denominator);
    }
}
