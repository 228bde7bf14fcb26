using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mesh.Protocol.Time;

/// <summary>Writes a <see cref="WallTime"/> as RFC 3339 in UTC with milliseconds: <c>2026-01-31T12:00:00.000Z</c>; reads that form only.</summary>
public sealed class WallTimeJsonConverter : JsonConverter<WallTime>
{
    const string Format = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

    /// <summary>Prints the RFC 3339 form.</summary>
    public static string Print(WallTime time) =>
        DateTimeOffset.FromUnixTimeMilliseconds(time.UnixMilliseconds).UtcDateTime.ToString(Format, CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public override WallTime Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        DateTimeOffset.TryParseExact(reader.GetString(), Format, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? new WallTime(time.ToUnixTimeMilliseconds())
            : throw new JsonException("not a time: yyyy-mm-ddThh:mm:ss.mmmZ is expected");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, WallTime value, JsonSerializerOptions options) => writer.WriteStringValue(Print(value));
}
