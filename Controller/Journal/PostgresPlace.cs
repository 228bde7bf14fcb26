using System.Globalization;
using System.Web;
using Npgsql;

namespace Mesh.Controller.Journal;

/// <summary>
/// Says where a PostgreSQL database is, by a URI as libpq takes it: <c>postgresql://USER@HOST:PORT/DATABASE?sslmode=verify-full</c>, or
/// <c>postgresql:///DATABASE?host=/run/postgresql</c> for a UNIX socket. A password is never part of it: it comes from a password file
/// (<c>passfile</c>, PGPASSFILE or <c>~/.pgpass</c>). Immutable.
/// </summary>
internal sealed record PostgresPlace
{
    private const string Scheme = "postgresql://";
    private const string ShortScheme = "postgres://";

    private const string NoUri = "its URI is none; postgresql://USER@HOST/DATABASE is expected";
    private const string NoPassword = "a password does not belong into its URI; write it to a password file, and say passfile=FILE";

    private PostgresPlace(string connection, string name) => (Connection, Name) = (connection, name);

    /// <summary>The same as a connection string.</summary>
    public string Connection { get; }

    /// <summary>The same for people: host, port and database.</summary>
    public string Name { get; }

    /// <summary>Tells such a URI from the path of a file.</summary>
    public static bool IsOne(string place) =>
        place.StartsWith(Scheme, StringComparison.Ordinal) || place.StartsWith(ShortScheme, StringComparison.Ordinal);

    /// <summary>Reads a URI.</summary>
    /// <exception cref="JournalPlaceException">It is none, or has a password in it.</exception>
    public static PostgresPlace Parse(string place)
    {
        // The class library reads no URI without a host, which here is usual. Whatever is wrong, it may hold a secret: it is not repeated.
        if (!IsOne(place))
            throw Wrong(NoUri);
        var (rest, query) = Split(place[(place.IndexOf("//", StringComparison.Ordinal) + 2)..], '?');
        var (authority, database) = Split(rest, '/');
        var (user, address) = authority.LastIndexOf('@') is >= 0 and var at ? (authority[..at], authority[(at + 1)..]) : ("", authority);
        if (user.Contains(':', StringComparison.Ordinal))
            throw Wrong(NoPassword);
        var builder = new NpgsqlConnectionStringBuilder { Host = "localhost", Database = Uri.UnescapeDataString(database) };
        if (user.Length > 0)
            builder.Username = Uri.UnescapeDataString(user);
        if (address.Length > 0)
            SetAddress(builder, address);
        var parameters = HttpUtility.ParseQueryString(query);
        foreach (var key in parameters.AllKeys)
            Set(builder, key ?? "", parameters[key] ?? "");
        if (string.IsNullOrEmpty(builder.Database))
            throw Wrong("its URI names no database");
        return new PostgresPlace(
            builder.ConnectionString, string.Create(CultureInfo.InvariantCulture, $"{Scheme}{builder.Host}:{builder.Port}/{builder.Database}"));
    }

    public override string ToString() => Name;

    private static (string Before, string Behind) Split(string text, char mark) =>
        text.IndexOf(mark, StringComparison.Ordinal) is >= 0 and var at ? (text[..at], text[(at + 1)..]) : (text, "");

    // HOST, HOST:PORT, [IPV6] or [IPV6]:PORT.
    private static void SetAddress(NpgsqlConnectionStringBuilder builder, string address)
    {
        var end = address.StartsWith('[') ? address.IndexOf(']', StringComparison.Ordinal) + 1 : address.IndexOf(':', StringComparison.Ordinal);
        var (host, port) = end <= 0 ? (address, "") : (address[..end], address[end..]);
        if (port.Length > 0)
        {
            if (!port.StartsWith(':') || !ushort.TryParse(port[1..], NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number == 0)
                throw Wrong(NoUri);
            builder.Port = number;
        }

        if (host.Length > 0)
            builder.Host = Uri.UnescapeDataString(host.Trim('[', ']'));
    }

    private static void Set(NpgsqlConnectionStringBuilder builder, string key, string value)
    {
        var name = key switch
        {
            "host" => "Host",
            "port" => "Port",
            "dbname" => "Database",
            "user" => "Username",
            "passfile" => "Passfile",
            "sslmode" => "SSL Mode",
            "sslrootcert" => "Root Certificate",
            "sslcert" => "SSL Certificate",
            "sslkey" => "SSL Key",
            "password" => throw Wrong(NoPassword),
            _ => throw Wrong($"its URI has an unknown parameter, {key}"),
        };
        try
        {
            // libpq writes verify-full, the driver VerifyFull.
            builder[name] = key == "sslmode" ? value.Replace("-", "", StringComparison.Ordinal) : value;
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            throw Wrong($"the parameter {key} of its URI cannot be {value}");
        }
    }

    private static JournalPlaceException Wrong(string reason) => new(reason);
}
