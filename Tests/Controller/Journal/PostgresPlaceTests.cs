using Mesh.Controller.Journal;
using Npgsql;

namespace Mesh.Tests.Controller.Journal;

public sealed class PostgresPlaceTests
{
    [Theory]
    [InlineData("postgresql://mesh@db.example:5433/net", "db.example", 5433, "mesh", "net")]
    [InlineData("postgres://db.example/net", "db.example", 5432, null, "net")]
    [InlineData("postgresql://[fd00::1]:6000/net", "fd00::1", 6000, null, "net")]
    [InlineData("postgresql:///net?host=/run/postgresql&user=mesh&port=5434", "/run/postgresql", 5434, "mesh", "net")]
    [InlineData("postgresql://a%40b@/net?host=%2Frun%2Fx", "/run/x", 5432, "a@b", "net")]
    public void A_URI_is_read_as_libpq_reads_it(string uri, string host, int port, string? user, string database)
    {
        Assert.True(PostgresPlace.IsOne(uri));
        NpgsqlConnectionStringBuilder read = new(PostgresPlace.Parse(uri).Connection);
        Assert.Equal((host, port, user, database), (read.Host, read.Port, read.Username, read.Database));
        Assert.Equal($"postgresql://{host}:{port}/{database}", PostgresPlace.Parse(uri).Name);
    }

    [Fact]
    public void The_certificate_settings_are_taken()
    {
        NpgsqlConnectionStringBuilder read = new(
            PostgresPlace.Parse("postgresql://h/d?sslmode=verify-full&sslrootcert=/ca.pem&sslcert=/c.pem&sslkey=/k.pem&passfile=/p").Connection);
        Assert.Equal(
            (SslMode.VerifyFull, "/ca.pem", "/c.pem", "/k.pem", "/p"),
            (read.SslMode, read.RootCertificate, read.SslCertificate, read.SslKey, read.Passfile));
    }

    [Theory]
    [InlineData("postgresql://mesh:hunter2@h/d", "cannot open the journal: a password does not belong into its URI; write it to a password file, and say passfile=FILE")]
    [InlineData("postgresql://h/d?password=hunter2", "cannot open the journal: a password does not belong into its URI; write it to a password file, and say passfile=FILE")]
    [InlineData("postgresql://h/", "cannot open the journal: its URI names no database")]
    [InlineData("postgresql://h:port/d", "cannot open the journal: its URI is none; postgresql://USER@HOST/DATABASE is expected")]
    [InlineData("postgresql://h/d?sslmode=maybe", "cannot open the journal: the parameter sslmode of its URI cannot be maybe")]
    [InlineData("postgresql://h/d?colour=red", "cannot open the journal: its URI has an unknown parameter, colour")]
    public void What_is_wrong_is_said_without_the_secret(string uri, string said)
    {
        var refusal = Assert.Throws<JournalPlaceException>(() => PostgresPlace.Parse(uri));
        Assert.Equal(said, refusal.Message);
        Assert.DoesNotContain("hunter2", refusal.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/var/lib/mesh-controller/journal.db")]
    [InlineData("postgresql")]
    public void A_path_is_no_URI(string path) => Assert.False(PostgresPlace.IsOne(path));
}
