using System.Globalization;
using System.Text;

namespace Culvert.Kubernetes.Client;

/// <summary>Puts a query behind a path.</summary>
internal sealed class QueryBuilder(string path)
{
    private readonly StringBuilder _text = new(path);
    private bool _hasQuery;

    public QueryBuilder Add(string name, string? value)
    {
        if (string.IsNullOrEmpty(value)) return this;
        _text.Append(_hasQuery ? '&' : '?').Append(name).Append('=').Append(Uri.EscapeDataString(value));
        _hasQuery = true;
        return this;
    }

    public QueryBuilder Add(string name, long value) => Add(name, value > 0 ? value.ToString(CultureInfo.InvariantCulture) : null);

    public QueryBuilder Add(string name, bool value) => Add(name, value ? "true" : null);

    public override string ToString() => _text.ToString();
}
