using System.Globalization;

namespace Culvert.Controller.Identity.BuiltIn;

/// <summary>A root as it is at a moment, for who wants it replaced: the same root that signs at another time is another one.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Activates">When it begins to sign.</param>
internal sealed record RootName(string Id, DateTimeOffset Activates)
{
    public static RootName Of(RootRecord record) => new(record.Id, record.Activates);

    /// <summary>Reads what <see cref="ToString"/> has written; null: it is something else.</summary>
    public static RootName? Parse(string text) =>
        text.Split(' ') is [var id, var moment] && DateTimeOffset.TryParseExact(moment, "O", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateTimeOffset activates) ? new(id, activates) : null;

    public override string ToString() => $"{Id} {Activates.ToString("O", CultureInfo.InvariantCulture)}";
}
