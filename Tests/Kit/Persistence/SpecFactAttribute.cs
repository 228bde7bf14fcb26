using Xunit.Abstractions;
using Xunit.Sdk;

namespace Mesh.Tests.Kit.Persistence;

/// <summary>Marks a test that every subclass of its class runs; the subclass may need what this machine lacks (<see cref="NeedsPostgresAttribute"/>).</summary>
[AttributeUsage(AttributeTargets.Method)]
[XunitTestCaseDiscoverer("Mesh.Tests.Kit.Persistence.SpecFactDiscoverer", "Mesh.Tests.Kit")]
public sealed class SpecFactAttribute : FactAttribute;

/// <summary>
/// Says of a class that its tests need PostgreSQL's server programs. Where they are missing the tests are skipped with that reason, unless
/// the environment has <c>MESH_REQUIRE_ALL=1</c>: then they run, and fail.
/// </summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class NeedsPostgresAttribute : Attribute;

/// <summary>Finds the tests that <see cref="SpecFactAttribute"/> marks.</summary>
public sealed class SpecFactDiscoverer(IMessageSink messages) : FactDiscoverer(messages)
{
    /// <inheritdoc/>
    protected override IXunitTestCase CreateTestCase(
        ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo factAttribute) =>
        testMethod.TestClass.Class.GetCustomAttributes(typeof(NeedsPostgresAttribute)).Any()
            && PostgresServer.Missing is { } reason && !Requirements.RequireAll
            ? new XunitSkippedDataRowTestCase(
                DiagnosticMessageSink, discoveryOptions.MethodDisplayOrDefault(), discoveryOptions.MethodDisplayOptionsOrDefault(), testMethod, reason)
            : base.CreateTestCase(discoveryOptions, testMethod, factAttribute);
}
