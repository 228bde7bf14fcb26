using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mesh.Protocol.Crypto;

namespace Mesh.Controller.Journal;

/// <summary>
/// A journal as text, to be moved from one database to another or kept: a line of JSON that says what it is, one for each row in the order of
/// commits, deleted ones included, and a last one with their number and the SHA-256 of all before it (UTF-8, a line feed after each line). What
/// is cut or changed is refused.
/// </summary>
internal static class JournalArchive
{
    private const string Format = "mesh-journal";
    private const int Version = 1;

    /// <summary>Writes rows; returns how many.</summary>
    public static long Write(IEnumerable<StoredRow> rows, TextWriter to, Action<long>? progress = null)
    {
        var count = 0L;
        foreach (var line in Lines(rows.Select(row =>
        {
            count++;
            progress?.Invoke(count);
            return row;
        })))
            to.Write(line + "\n");
        return count;
    }

    /// <summary>Gives the lines of an archive, without their line feeds.</summary>
    public static IEnumerable<string> Lines(IEnumerable<StoredRow> rows)
    {
        using var hash = new RunningSha256();
        var count = 0L;
        yield return Hashed(JsonSerializer.Serialize(new ArchiveHead(Format, Version), ArchiveJson.Default.ArchiveHead));
        foreach (var (ordering, row) in rows)
        {
            count++;
            yield return Hashed(JsonSerializer.Serialize(
                new ArchiveRow(
                    ordering, row.PersistenceId, row.SequenceNr, row.CreatedTicks, row.Manifest, row.Identifier, row.Message, row.WriterUuid,
                    row.CommandId, row.IsDeleted),
                ArchiveJson.Default.ArchiveRow));
        }

        yield return JsonSerializer.Serialize(new ArchiveEnd(count, SumOf(hash)), ArchiveJson.Default.ArchiveEnd);

        string Hashed(string line)
        {
            hash.Append(Encoding.UTF8.GetBytes(line + "\n"));
            return line;
        }
    }

    private static string SumOf(RunningSha256 hash) => Convert.ToHexStringLower(hash.Finish().Value.Span);

    /// <summary>Reads rows as they are asked for; the last of them is given only when the whole is as it was written.</summary>
    /// <param name="from">The archive.</param>
    /// <param name="name">What errors call it.</param>
    /// <param name="firstLine">What errors count its lines from, where it stands in something larger.</param>
    /// <exception cref="JournalArchiveException">It is none, cut, or changed.</exception>
    public static IEnumerable<StoredRow> Read(TextReader from, string name, int firstLine = 1)
    {
        using var hash = new RunningSha256();
        var number = firstLine;
        var head = Parse(ReadLine(), ArchiveJson.Default.ArchiveHead);
        if (head.Format != Format)
            throw Wrong("it is no journal");
        if (head.Version != Version)
            throw Wrong($"it has version {head.Version}, this program knows {Version}");

        StoredRow? before = null;
        var count = 0L;
        while (true)
        {
            number++;
            var line = from.ReadLine() ?? throw Wrong("it is cut: its last line is missing");
            if (line.StartsWith("""{"rows":""", StringComparison.Ordinal))
            {
                var end = Parse(line, ArchiveJson.Default.ArchiveEnd);
                if (end.Rows != count || end.Sha256 != SumOf(hash))
                    throw Wrong("it was changed: its sum does not fit");
                number++;
                if (from.ReadLine() is not null)
                    throw Wrong("nothing may follow its last line");
                if (before is { } last)
                    yield return last;
                yield break;
            }

            hash.Append(Encoding.UTF8.GetBytes(line + "\n"));
            var row = Parse(line, ArchiveJson.Default.ArchiveRow);
            if (before is { } earlier)
            {
                if (row.Ordering <= earlier.Ordering)
                    throw Wrong(string.Create(CultureInfo.InvariantCulture, $"{row.Ordering} comes after {earlier.Ordering}"));
                yield return earlier;
            }

            before = new StoredRow(
                row.Ordering,
                new JournalRow(
                    row.PersistenceId, row.SequenceNr, row.Created, row.Message, row.Identifier, row.Manifest, row.WriterUuid, row.CommandId)
                {
                    IsDeleted = row.Deleted,
                });
            count++;
        }

        string ReadLine()
        {
            var line = from.ReadLine() ?? throw Wrong("it is empty");
            hash.Append(Encoding.UTF8.GetBytes(line + "\n"));
            return line;
        }

        T Parse<T>(string line, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        {
            try
            {
                return JsonSerializer.Deserialize(line, type) ?? throw Wrong("null is no row");
            }
            catch (JsonException e)
            {
                throw Wrong("it is not what such a line must be", e);
            }
        }

        JournalArchiveException Wrong(string what, Exception? cause = null) => new(name, number, what, cause);
    }
}

/// <summary>Is the first line.</summary>
internal sealed record ArchiveHead(
    [property: JsonPropertyName("format"), JsonRequired] string Format, [property: JsonPropertyName("version"), JsonRequired] int Version);

/// <summary>Is a row.</summary>
internal sealed record ArchiveRow(
    [property: JsonPropertyName("ordering"), JsonRequired] long Ordering,
    [property: JsonPropertyName("id"), JsonRequired] string PersistenceId,
    [property: JsonPropertyName("number"), JsonRequired] long SequenceNr,
    [property: JsonPropertyName("created"), JsonRequired] long Created,
    [property: JsonPropertyName("manifest"), JsonRequired] string Manifest,
    [property: JsonPropertyName("serializer"), JsonRequired] int Identifier,
    [property: JsonPropertyName("message"), JsonRequired] byte[] Message,
    [property: JsonPropertyName("writer")] string? WriterUuid,
    [property: JsonPropertyName("command")] string? CommandId,
    [property: JsonPropertyName("deleted"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Deleted);

/// <summary>Is the last line.</summary>
internal sealed record ArchiveEnd(
    [property: JsonPropertyName("rows"), JsonRequired] long Rows, [property: JsonPropertyName("sha256"), JsonRequired] string Sha256);

[JsonSourceGenerationOptions(
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(ArchiveHead))]
[JsonSerializable(typeof(ArchiveRow))]
[JsonSerializable(typeof(ArchiveEnd))]
internal sealed partial class ArchiveJson : JsonSerializerContext;
