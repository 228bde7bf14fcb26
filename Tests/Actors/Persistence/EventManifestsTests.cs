using System.Text;
using System.Text.Json.Serialization;
using Mesh.Actors.Persistence;

namespace Mesh.Tests.Actors.Persistence;

public sealed partial class EventManifestsTests
{
    private static readonly EventManifest Used = EventManifest.Of("credential.used.v1", Json.Default.CredentialUsedSample);

    private static readonly JsonEventSerializer Serializer = new(new EventManifests([Used]));

    [Fact]
    public void An_event_is_written_and_read_by_its_manifest()
    {
        var used = new CredentialUsedSample("c-1", "n-1");
        Assert.Equal("credential.used.v1", Serializer.Manifest(used));
        var bytes = Serializer.ToBinary(used);
        Assert.Equal("""{"CommandId":"c-1","Node":"n-1"}""", Encoding.UTF8.GetString(bytes));
        Assert.Equal(used, Serializer.FromBinary(bytes, "credential.used.v1"));
    }

    [Fact]
    public void The_identifier_in_the_journal_is_stable() => Assert.Equal(100, Serializer.Identifier);

    [Fact]
    public void A_field_added_later_reads_as_absent_from_old_events() =>
        Assert.Equal(new CredentialUsedSample("c-1", null), Serializer.FromBinary("""{"CommandId":"c-1"}"""u8.ToArray(), "credential.used.v1"));

    [Fact]
    public void What_is_not_registered_is_refused()
    {
        Assert.Throws<UnknownEventException>(() => Serializer.Manifest("text"));
        Assert.Throws<UnknownEventException>(() => Serializer.ToBinary("text"));
        var refusal = Assert.Throws<UnknownEventException>(() => Serializer.FromBinary("{}"u8.ToArray(), "credential.used.v2"));
        Assert.Equal("event 'credential.used.v2' is not known to this version of the program", refusal.Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"CommandId\":")]
    public void Bytes_that_are_not_the_event_are_refused(string text) =>
        Assert.Throws<UnknownEventException>(() => Serializer.FromBinary(Encoding.UTF8.GetBytes(text), "credential.used.v1"));

    [Fact]
    public void A_name_or_a_type_registered_twice_is_refused()
    {
        Assert.Throws<ArgumentException>(() => new EventManifests([Used, EventManifest.Of("credential.used.v1", Json.Default.OtherSample)]));
        Assert.Throws<ArgumentException>(() => new EventManifests([Used, EventManifest.Of("credential.used.v2", Json.Default.CredentialUsedSample)]));
    }

    [Theory]
    [InlineData("credential.used")]
    [InlineData("credential.v1")]
    [InlineData("Credential.used.v1")]
    [InlineData("credential.used.v0")]
    [InlineData("credential.used.v1x")]
    [InlineData("credential..v1")]
    [InlineData("credential used.now.v1")]
    public void A_name_that_is_not_an_entity_an_event_and_a_version_is_refused(string name) =>
        Assert.Throws<ArgumentException>(() => EventManifest.Of(name, Json.Default.OtherSample));

    internal sealed record CredentialUsedSample(string CommandId, string? Node) : ICausedByCommand;

    internal sealed record OtherSample(int Number);

    [JsonSerializable(typeof(CredentialUsedSample))]
    [JsonSerializable(typeof(OtherSample))]
    internal sealed partial class Json : JsonSerializerContext;
}
